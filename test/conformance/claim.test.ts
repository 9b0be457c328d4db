import { describe, expect, test } from "vitest";
import {
  type Claim,
  claimLayer,
  claimSet,
  claimText,
  mustHold,
  ownClaim,
  parseErrata,
  parsePatches,
  ranges,
} from "../../src/conformance/claim.ts";
import { holds } from "../../src/conformance/holds.ts";
import { CompositionError } from "../../src/reference/composition-error.ts";
import { SLIPS } from "../../src/reference/errata/index.ts";
import type { Case } from "../../src/scenario/case.generated.ts";
import { loadCases } from "../../src/scenario/load-cases.ts";
import { otherSlotGoes, otherSlotStays, ramIsReached } from "../support/small-cases.ts";

const through = (last: number): number[] => Array.from({ length: last }, (_, i) => i + 1);

describe("a list of patches", () => {
  test.each([
    { text: "3", patches: [3] },
    { text: "3,1,2", patches: [1, 2, 3] },
    { text: "1-3, 10", patches: [1, 2, 3, 10] },
    { text: "2-4,3-5,4", patches: [2, 3, 4, 5] },
    { text: "1-5,!2-4", patches: [1, 5] },
    { text: "1-5,!3,3", patches: [1, 2, 3, 4, 5] },
    { text: "27", patches: [27] },
    { text: "07", patches: [7] },
  ])('"$text" names patches $patches', ({ text, patches }) => {
    expect(parsePatches(text)).toEqual(patches);
  });

  test.each([
    { text: "", problem: '"" is neither a patch nor a range like 1-8 or !11' },
    { text: "1,,2", problem: '"" is neither a patch nor a range like 1-8 or !11' },
    { text: "1-", problem: '"1-" is neither a patch nor a range like 1-8 or !11' },
    { text: "-3", problem: '"-3" is neither a patch nor a range like 1-8 or !11' },
    { text: "p11", problem: '"p11" is neither a patch nor a range like 1-8 or !11' },
    { text: "1.5", problem: '"1.5" is neither a patch nor a range like 1-8 or !11' },
    { text: "0", problem: "there is no patch 0; patches go from 1 to 27" },
    { text: "26-28", problem: "there is no patch 28; patches go from 1 to 27" },
    { text: "8-1", problem: 'the range "8-1" is empty; the lower number comes first' },
    {
      text: "!11",
      problem: '"!11" leaves no patch; leave some out of a range, as in 1-27,!11',
    },
  ])('"$text" is refused', ({ text, problem }) => {
    expect(() => parsePatches(text)).toThrow(new RangeError(problem));
  });
});

describe("a list of errata", () => {
  test("names slips or remedies", () => {
    expect(parseErrata("E4, E1", "slip")).toEqual(["E4", "E1"]);
    expect(parseErrata("E2", "remedy")).toEqual(["E2"]);
  });

  test.each([
    { text: "E2", kind: "slip" as const, problem: 'there is no slip "E2"; there are E1, E4, E6' },
    {
      text: "E1",
      kind: "remedy" as const,
      problem: 'there is no remedy "E1"; there are E2, E3, E5, E7, E8',
    },
    { text: "", kind: "slip" as const, problem: 'there is no slip ""; there are E1, E4, E6' },
  ])('"$text" is refused as a $kind', ({ text, kind, problem }) => {
    expect(() => parseErrata(text, kind)).toThrow(new RangeError(problem));
  });
});

test("numbers in a row are ranges", () => {
  expect(ranges([])).toBe("");
  expect(ranges([1, 2, 3, 5, 7, 8])).toBe("1-3, 5, 7-8");
});

describe("a claim in words:", () => {
  test.each<{ text: string; claim: Claim }>([
    { text: "layer 0 (before the series) as promised", claim: claimLayer(0) },
    { text: "layer 14 as promised", claim: claimLayer(14) },
    { text: "layer 14 as merged", claim: claimLayer(14, SLIPS) },
    { text: "layer 27 as merged", claim: claimLayer(27, SLIPS) },
    { text: "layer 27 with slip E1", claim: claimLayer(27, ["E1"]) },
    { text: "layer 6 as merged", claim: claimLayer(6, ["E1"]) },
    { text: "layer 3 as promised", claim: claimLayer(3, ["E1"]) },
    { text: "layer 27 as promised, remedy E2, E7", claim: claimLayer(27, [], ["E2", "E7"]) },
    { text: "layer 27 as merged, remedy E2", claim: claimLayer(27, SLIPS, ["E2"]) },
    { text: "patches 1-3, 9-10 as promised", claim: claimSet([10, 9, 3, 2, 1]) },
    { text: "layer 3 as promised", claim: claimSet([1, 2, 3]) },
    { text: "layer 0 (before the series) as promised", claim: claimSet([]) },
    { text: "patches 1-6, 9 with slip E1", claim: claimSet([...through(6), 9], ["E1"]) },
  ])("$text", ({ text, claim }) => {
    expect(claimText(claim)).toBe(text);
  });
});

test("a set that leaves out a patch that another one needs is refused, naming it", () => {
  expect(() => claimSet([11])).toThrow(CompositionError);
  expect(() => claimSet([11])).toThrow(/^patch 11 needs patch 9, which is left out: /);
});

describe("a case must hold for a layer", () => {
  const held = (scenario: Case, ...claims: Claim[]): boolean[] =>
    claims.map((claim) => mustHold(scenario, claim));

  test("as it declares, whatever the reference does", () => {
    const claims = [10, 11, 27].map((layer) => claimLayer(layer));
    expect(held(otherSlotStays, ...claims)).toEqual([false, true, true]);
    expect(held(otherSlotGoes, ...claims)).toEqual([false, true, true]);
  });

  test("only when its patch is there, though it may hold before", () => {
    const early: Case = { ...otherSlotStays, layers: { from: 5, to: 27 } };
    expect(held(early, claimLayer(10), claimLayer(11))).toEqual([false, true]);
  });

  test("whatever the patches, when it is of every layer", () => {
    expect(held(ramIsReached, claimLayer(0), claimLayer(27))).toEqual([true, true]);
  });

  test("under the profile that it speaks of", () => {
    const [promised, merged] = [claimLayer(27), claimLayer(27, SLIPS)];
    expect(held({ ...otherSlotStays, profile: "merged" }, promised, merged)).toEqual([false, true]);
    expect(held({ ...otherSlotStays, profile: "promised" }, promised, merged)).toEqual([
      true,
      false,
    ]);
    expect(held(otherSlotStays, promised, merged)).toEqual([true, true]);
  });

  test("with all slips that affect the layer as with the merged code", () => {
    const merged: Case = { ...otherSlotStays, profile: "merged", patch: 6 };
    expect(held({ ...merged, layers: { from: 6, to: 6 } }, claimLayer(6, ["E1"]))).toEqual([true]);
  });
});

test("a case of layers that lack a patch must hold only for who lacks it", () => {
  const allBut11 = parsePatches("1-27,!11");
  const scenario: Case = { ...otherSlotGoes, patch: 24, without: [11] };
  expect(mustHold(scenario, claimSet(allBut11))).toBe(true);
  expect(mustHold(scenario, claimLayer(27))).toBe(false);
  expect(mustHold({ ...scenario, layers: { from: 0, to: 27 } }, claimLayer(27))).toBe(false);
  expect(claimText(ownClaim({ ...scenario, layers: { from: 24, to: 27 } }))).toBe(
    "patches 1-10, 12-24 as promised",
  );
});

describe("where a case declares nothing, it must hold if the reference satisfies it:", () => {
  test("for a set of patches", () => {
    const with11 = claimSet([9, 10, 11]);
    expect(mustHold(otherSlotStays, with11)).toBe(true);
    expect(mustHold(otherSlotGoes, with11)).toBe(false);
    expect(mustHold(otherSlotStays, claimSet([9, 10]))).toBe(false);
  });

  test("with some slips, or with remedies", () => {
    for (const claim of [claimLayer(27, ["E1"]), claimLayer(27, [], ["E2"])]) {
      expect(mustHold(otherSlotStays, claim)).toBe(true);
      expect(mustHold(otherSlotGoes, claim)).toBe(false);
    }
  });

  test("for the cases of an erratum", () => {
    const ofE1 = loadCases().filter(({ erratum, layers }) => erratum === "E1" && layers.to === 27);
    const wanted = (claim: Claim, proof: Case["proof"]) =>
      ofE1.filter((each) => each.proof === proof && mustHold(each, claim)).length;
    expect(wanted(claimLayer(27), "defect")).toBe(0);
    expect(wanted(claimLayer(27), "mended")).toBeGreaterThan(0);
    expect(wanted(claimLayer(27, ["E1"]), "defect")).toBeGreaterThan(0);
    expect(wanted(claimLayer(27, ["E1"]), "mended")).toBe(0);
  });
});

describe("when nobody says what it is to run on, a case runs", () => {
  test("on the layer of its patch; on the last one, if it is of every layer", () => {
    expect(claimText(ownClaim(otherSlotStays))).toBe("layer 11 as promised");
    expect(claimText(ownClaim(ramIsReached))).toBe("layer 27 as promised");
  });

  test("on the nearest layer of its range, if its patch is outside", () => {
    const at = (from: number, to: number) =>
      ownClaim({ ...otherSlotStays, layers: { from, to } }).layer;
    expect([at(13, 27), at(3, 9), at(3, 12)]).toEqual([13, 9, 11]);
  });

  test("under its profile, with its erratum put in or mended", () => {
    expect(claimText(ownClaim({ ...otherSlotStays, profile: "merged" }))).toBe(
      "layer 11 as merged",
    );
    const about = (erratum: "E1" | "E2", proof: "defect" | "mended") =>
      claimText(ownClaim({ ...otherSlotStays, erratum, proof, patch: 27 }));
    expect(about("E1", "defect")).toBe("layer 27 with slip E1");
    expect(about("E1", "mended")).toBe("layer 27 as promised");
    expect(about("E2", "defect")).toBe("layer 27 as promised");
    expect(about("E2", "mended")).toBe("layer 27 as promised, remedy E2");
  });

  test("where it holds: that is so for every case there is", () => {
    const failing = loadCases().filter(
      (scenario) => !holds(scenario, ownClaim(scenario).composition),
    );
    expect(failing.map(({ id }) => id)).toEqual([]);
  });
});
