import { describe, expect, test } from "vitest";
import {
  type Candidate,
  composeCandidate,
  disagreements,
  ERRATUM_PARTS,
  nearest,
  type Observed,
  PATCH_PARTS,
  toggled,
} from "../../src/conformance/candidate.ts";
import { holds } from "../../src/conformance/matrix.ts";
import { composeSet } from "../../src/reference/compose.ts";
import type { ErratumId } from "../../src/reference/patch.ts";
import { otherSlotGoes, otherSlotStays, ramIsReached } from "../support/small-cases.ts";

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
        expect(set.has(part as number)).toBe(!start.patches.has(part as number));
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

/** What would be seen of something that these patches are. */
const seenOf = (patches: readonly number[]): Observed =>
  new Map(
    [ramIsReached, otherSlotStays, otherSlotGoes].map((scenario) => [
      scenario,
      holds(scenario, composeSet(patches)),
    ]),
  );

describe("what tells an implementation from a candidate", () => {
  test("is nothing when it is one", () => {
    expect(disagreements(candidate(through(11)), seenOf(through(11)))).toEqual([]);
  });

  test("are the cases in which it does otherwise", () => {
    expect(disagreements(candidate(through(10)), seenOf(through(11)))).toEqual([
      otherSlotStays,
      otherSlotGoes,
    ]);
  });

  test("need not be counted beyond what matters", () => {
    expect(disagreements(candidate(through(10)), seenOf(through(11)), 0)).toHaveLength(1);
    expect(disagreements(candidate(through(11)), seenOf(through(11)), 0)).toEqual([]);
  });
});

describe("the nearest candidate", () => {
  test("is where one starts if that explains everything", () => {
    const start = candidate(through(11), "E2");
    expect(nearest(start, PATCH_PARTS, seenOf(through(11)))).toEqual({
      ...{ candidate: start, disagreements: [] },
    });
  });

  test("has a part more, with what it needs", () => {
    const found = nearest(candidate(through(8)), PATCH_PARTS, seenOf(through(11)));
    expect(patchesOf(found.candidate)).toEqual(through(11));
    expect(found.disagreements).toEqual([]);
  });

  test("has a part less", () => {
    const found = nearest(candidate(through(27)), PATCH_PARTS.toReversed(), seenOf(through(10)));
    expect(found.candidate.patches.has(11)).toBe(false);
    expect(found.disagreements).toEqual([]);
  });

  test("is changed by the parts that are asked for, and no others", () => {
    const start = candidate(through(10));
    const found = nearest(start, ERRATUM_PARTS, seenOf(through(11)));
    expect(found.candidate).toEqual(start);
    expect(found.disagreements).toEqual([otherSlotStays, otherSlotGoes]);
  });

  test("leaves over what nothing explains", () => {
    const observed = new Map([...seenOf(through(11)), [ramIsReached, false] as const]);
    const found = nearest(candidate(through(10)), PATCH_PARTS, observed);
    expect(patchesOf(found.candidate)).toEqual(through(11));
    expect(found.disagreements).toEqual([ramIsReached]);
  });
});
