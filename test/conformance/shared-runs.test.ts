import { expect, test } from "vitest";
import { holds } from "../../src/conformance/holds.ts";
import { composeMutant } from "../../src/conformance/mutants.ts";
import { layer } from "../../src/conformance/profiles.ts";
import { holdsAsBefore } from "../../src/conformance/shared-runs.ts";
import { mutants } from "../../src/reference/mutants/index.ts";
import { loadCases } from "../../src/scenario/load-cases.ts";

const cases = loadCases();

/** One in so many, a prime, of what would take as long as all of it did before. */
const SAMPLE = 7;

test("a shared run ends as one of its own", () => {
  for (const scenario of cases.filter((_, i) => i % SAMPLE === 0)) {
    for (let number = 0; number <= 27; number++) {
      const composition = layer(number, "merged", scenario.without);
      const where = `${scenario.id} on layer ${number}`;
      expect(holdsAsBefore(scenario, composition), where).toBe(holds(scenario, composition));
    }
  }
});

test("what a mutant changes is played with it", () => {
  for (const mutant of mutants.filter((_, i) => i % SAMPLE === 0)) {
    const [correct, wrong] = [layer(mutant.patch, "promised"), composeMutant(mutant)];
    for (const scenario of cases.filter(({ patch }) => patch === mutant.patch)) {
      const where = `${scenario.id} on ${mutant.id}`;
      expect(holdsAsBefore(scenario, correct), where).toBe(holds(scenario, correct));
      expect(holdsAsBefore(scenario, wrong), where).toBe(holds(scenario, wrong));
    }
  }
});

test("who asks for the order of operations shares no run with another order", () => {
  const scenario = cases.find(({ id }) => id === "p09.facts.helpers-before-the-handler")!;
  expect(holdsAsBefore(scenario, layer(8, "promised"))).toBe(false);
  expect(holdsAsBefore(scenario, layer(9, "promised"))).toBe(true);
});
