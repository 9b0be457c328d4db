import { describe, expect, test } from "vitest";
import { contradictions, matrixLine } from "../../src/conformance/matrix.ts";
import { killsOf } from "../../src/conformance/mutants.ts";
import { mutants } from "../../src/reference/mutants/index.ts";
import { loadCases } from "../../src/scenario/load-cases.ts";
import { patchOf, slugOf } from "../../src/scenario/suites.ts";
import { COMMAND, describeAgainst } from "./against.ts";
import { describeEqualToBelow, EQUAL_TO_BELOW } from "./equal-to-below.ts";

const cases = loadCases();

/** Patches whose effect can be run, and so can go wrong in many ways, need more of everything. */
const isVisible = (patch: number): boolean =>
  patchOf(patch)?.kinds.some((kind) => kind === "behaviour" || kind === "encoding") ?? true;

/**
 * The suite of one patch: every case holds on exactly the layers that it declares, every mutant is
 * rejected, and no case is without power. `more` adds what only this patch needs. With KMC_IMPL:
 * the cases against another implementation (against.ts).
 */
export function describeSuite(patch: number, more?: () => void): void {
  const own = cases.filter((scenario) => scenario.patch === patch);
  if (COMMAND !== undefined) {
    describeAgainst(patch, own);
    return;
  }
  const ownMutants = mutants.filter((mutant) => mutant.patch === patch);
  const kills = ownMutants.map((mutant) => killsOf(mutant, own));

  describe(slugOf(patch), () => {
    test(`has at least ${isVisible(patch) ? 6 : 3} cases`, () => {
      expect(own.length).toBeGreaterThanOrEqual(isVisible(patch) ? 6 : 3);
    });

    describe("each case holds on the layers that it declares and on no other", () => {
      test.each(own)("$id", (scenario) => {
        for (const row of matrixLine(scenario).rows) {
          expect(contradictions(row), `under ${row.under}`).toEqual([]);
        }
      });
    });

    if (patch > 0) {
      test(`has at least ${isVisible(patch) ? 4 : 2} mutants`, () => {
        expect(ownMutants.length).toBeGreaterThanOrEqual(isVisible(patch) ? 4 : 2);
      });

      describe("each mutant is rejected", () => {
        test.each(kills.map(({ mutant, by }) => ({ id: mutant.id, by })))("$id", ({ by }) => {
          expect(by).not.toEqual([]);
        });
      });
    }

    const equalBelow = own.filter(({ proof }) => proof === "refactor");
    if (equalBelow.length > 0) {
      describe("each case that also holds on the layer below rejects a mutant", () => {
        test.each(equalBelow)("$id", ({ id }) => {
          expect(kills.filter(({ by }) => by.includes(id))).not.toEqual([]);
        });
      });
    }

    const everywhere = own.filter(({ proof }) => proof === "invariant");
    if (everywhere.length > 0) {
      describe("each case that holds on every layer rejects a mutant of some patch", () => {
        test.each(everywhere)("$id", (scenario) => {
          const rejects = (mutant: (typeof mutants)[number]): boolean => {
            const { by, alsoBy } = killsOf(mutant, [scenario]);
            return by.length + alsoBy.length > 0;
          };
          expect(mutants.some(rejects)).toBe(true);
        });
      });
    }

    if (EQUAL_TO_BELOW.has(patch)) describeEqualToBelow(patch);

    more?.();
  });
}
