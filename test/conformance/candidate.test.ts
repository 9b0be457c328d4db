import { describe, expect, test } from "vitest";
import {
  type Candidate,
  composeCandidate,
  ERRATUM_PARTS,
  PATCH_PARTS,
  toggled,
} from "../../src/conformance/candidate.ts";
import { composeSet } from "../../src/reference/compose.ts";
import type { ErratumId } from "../../src/reference/patch.ts";

const through = (last: number): number[] => Array.from({ length: last }, (_, i) => i + 1);

const candidate = (patches: readonly number[], ...errata: ErratumId[]): Candidate => ({
  patches: new Set(patches),
  errata: new Set(errata),
});

const patchesOf = ({ patches }: Candidate): number[] => [...patches].sort((a, b) => a - b);

test("the parts are all patches and all errata", () => {
  expect(PATCH_PARTS).toEqual(through(27));
  expect([...ERRATUM_PARTS].sort()).toEqual(["E1", "E2", "E3", "E4", "E5", "E6", "E7", "E8"]);
});

describe("a part more or less", () => {
  test.each([
    { from: [1, 2], part: 3, to: [1, 2, 3] },
    { from: [1, 2, 3], part: 2, to: [1, 3] },
    // 11 needs 9 and 10, 10 needs nothing more.
    { from: [], part: 11, to: [9, 10, 11] },
    { from: [9, 10, 11, 12], part: 9, to: [10, 12] },
    { from: [4, 1, 8, 2, 5, 6, 7], part: 1, to: [2, 5, 7] },
  ])("$from and $part: $to", ({ from, part, to }) => {
    const before = candidate(from, "E1");
    const after = toggled(before, part);
    expect(patchesOf(after)).toEqual(to);
    expect(after.errata).toEqual(new Set(["E1"]));
    // The one before is as it was.
    expect(before).toEqual(candidate(from, "E1"));
  });

  test("is an erratum, of either kind, which leaves the patches alone", () => {
    const before = candidate([1, 2], "E1");
    expect(toggled(before, "E2")).toEqual(candidate([1, 2], "E1", "E2"));
    expect(toggled(before, "E1")).toEqual(candidate([1, 2]));
    expect(before).toEqual(candidate([1, 2], "E1"));
  });

  test("always leaves something that can be made", () => {
    for (const start of [candidate([]), candidate(through(27)), candidate(through(14))]) {
      for (const part of PATCH_PARTS) {
        const set = toggled(start, part).patches;
        expect(set.has(part)).toBe(!start.patches.has(part));
        expect(() => composeSet(set)).not.toThrow();
      }
    }
  });
});

test("a candidate is made with its slips and its remedies", () => {
  const { patches, slips, remedies } = composeCandidate(candidate(through(27), "E6", "E1", "E2"));
  expect(patches).toEqual(through(27));
  expect(slips).toEqual(["E1", "E6"]);
  expect(remedies).toEqual(["E2"]);
});
