import { expect, test } from "vitest";
import { recordOnReference } from "../../src/adapters/reference/reference-implementation.ts";
import { identify, type Identification } from "../../src/conformance/identify.ts";
import { judged } from "../../src/conformance/run-cases.ts";
import { type Composition, composeSet, composeThrough } from "../../src/reference/compose.ts";
import { CompositionError } from "../../src/reference/composition-error.ts";
import { patches } from "../../src/reference/layers/index.ts";
import { loadCases } from "../../src/scenario/load-cases.ts";
import { describeReference } from "../support/against.ts";

const cases = loadCases();

const identified = (composition: Composition): Identification =>
  identify(cases.map((scenario) => judged(scenario, recordOnReference(composition, scenario))));

/** The parts in which what was found differs from what is there. */
function mistaken({ candidate }: Identification, { patches: there }: Composition): number[] {
  const found = candidate.patches;
  const numbers = patches.map(({ number }) => number);
  return numbers.filter((number) => found.has(number) !== there.includes(number));
}

const undetermined = ({ findings }: Identification): unknown[] =>
  findings.filter(({ state }) => state === "undetermined").map(({ part }) => part);

describeReference("every layer is named by what it does", () => {
  test.each(Array.from({ length: patches.length + 1 }, (_, number) => number))(
    "layer %i",
    (number) => {
      const composition = composeThrough(number);
      const found = identified(composition);
      expect(found.layer).toBe(number);
      expect([...found.candidate.errata, ...found.divergences]).toEqual([]);
    },
  );
});

/** 1-27 without each one, as far as the rest composes. */
const leaveOneOut = patches.flatMap(({ number: left }) => {
  try {
    const rest = patches.map(({ number }) => number).filter((number) => number !== left);
    return [{ left, composition: composeSet(rest) }];
  } catch (error) {
    if (error instanceof CompositionError) return [];
    throw error;
  }
});

/** What patch 24 removes is not there for anybody to see what 16 to 18 did to it. */
const HIDDEN_BY_24 = [16, 17, 18];

describeReference("the series without one patch is named, up to what nobody can see", () => {
  test("seven patches can be left out alone", () => {
    expect(leaveOneOut.map(({ left }) => left)).toEqual([3, 8, 11, 12, 18, 24, 27]);
  });

  test.each(leaveOneOut)("without $left", ({ left, composition }) => {
    const found = identified(composition);
    expect(found.divergences).toEqual([]);
    expect(mistaken(found, composition)).toEqual(left === 18 ? [18] : []);
    const hidden = left === 24 ? [15, ...HIDDEN_BY_24] : HIDDEN_BY_24;
    expect(undetermined(found)).toEqual(hidden);
  });
});
