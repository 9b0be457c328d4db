import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Execution } from "../../src/explore/execution.ts";
import { PROPERTIES } from "../../src/explore/properties/index.ts";
import type { Scenario } from "../../src/explore/scenario.ts";
import { search, type SearchOptions } from "../../src/explore/search.ts";
import { composeThrough } from "../../src/reference/compose.ts";
import { POINTS } from "../../src/reference/machine/thread.ts";
import { access, generated, scenario, scenarioOf } from "../support/scenarios.ts";

const PLAIN: SearchOptions = { sleepSets: false, hashing: false };
const REDUCED: Readonly<Record<string, SearchOptions>> = {
  "sleep sets": { sleepSets: true, hashing: false },
  hashing: { sleepSets: false, hashing: true },
  both: { sleepSets: true, hashing: true },
};

const JUDGED = ["created", "published", "taken-back", "freed", "warn", "at-rest"];

/** What can be reached: the results of all threads, and the properties that do not hold. */
function reachable(
  layer: number,
  explored: Scenario,
  options: SearchOptions,
): { outcomes: string[]; broken: string[]; executions: number; covered: boolean } {
  const outcomes = new Set<string>();
  const onEnd = ({ threads }: Execution): void => {
    outcomes.add(JSON.stringify(threads.map(({ results }) => results)));
  };
  const properties = PROPERTIES.filter(({ id }) => JUDGED.includes(id));
  const found = search(composeThrough(layer), explored, { ...options, properties, onEnd });
  const broken = found.violations.map(({ property }) => property).sort();
  const { executions, notCovered } = found;
  return { outcomes: [...outcomes].sort(), broken, executions, covered: notCovered === null };
}

describe("search", () => {
  test("reaches the same with and without reduction, on 20 generated scenarios", () => {
    const samples = fc.sample(generated, { numRuns: 300, seed: 27 });
    let compared = 0;
    for (const { layer, breaks, wraps, ...threads } of samples) {
      if (compared === 20) break;
      const explored = scenarioOf(threads, breaks, wraps);
      // Sleep sets alone are the measure where every order would be too many.
      const plain = [PLAIN, REDUCED["sleep sets"]!]
        .map((options) => reachable(layer, explored, { ...options, maxExecutions: 200 }))
        .find(({ covered }) => covered);
      if (plain === undefined) continue;
      compared++;
      for (const [name, options] of Object.entries(REDUCED)) {
        const { outcomes, broken, executions } = reachable(layer, explored, options);
        const where = `${name}, layer ${layer}: ${JSON.stringify(explored)}`;
        expect(outcomes, where).toEqual(plain.outcomes);
        expect(broken, where).toEqual(plain.broken);
        if (name === "both") expect(executions, where).toBeLessThanOrEqual(plain.executions);
      }
    }
    expect(compared).toBe(20);
  });

  test("takes each order of two threads that do one thing each", () => {
    const explored = scenario({
      a: [access(0, "0x0")],
      b: [access(1, "0x700000")],
    });
    const steps = [0, 1].map((id) => {
      const alone = scenario({ a: explored.threads[id === 0 ? "a" : "b"]! });
      return reachableSteps(alone);
    });
    const plain = reachable(27, explored, PLAIN);
    expect(plain.executions).toBe(binomial(steps[0]! + steps[1]!, steps[0]!));
  });

  test("says what it has not covered when it ends early", () => {
    const explored = scenario({ a: [access(0, "0x700000")], b: [access(1, "0x700000")] });
    const early = search(composeThrough(27), explored, { ...PLAIN, maxExecutions: 3 });
    const left =
      /^it ended after 3 executions with (\d+) choices left, the first of them b in step 1$/;
    expect(Number(left.exec(early.notCovered!)?.[1])).toBeGreaterThan(2);
    const bounded = search(composeThrough(27), explored, { preemptions: 0 });
    expect(bounded.notCovered).toBe("it took at most 0 preemptions");
  });

  test("reaches less when threads cannot be stopped everywhere", () => {
    const explored = scenario({ a: [access(0, "0x700000")], b: [access(1, "0x700000")] });
    const fine = reachable(27, explored, { sleepSets: false });
    const passed = POINTS.filter((point) => point !== "guest.enter");
    const coarse = reachable(27, explored, { sleepSets: false, passed });
    expect(coarse.executions).toBe(2);
    expect(fine.executions).toBeGreaterThan(2);
  });
});

/** Steps of a thread that runs alone. */
function reachableSteps(alone: Scenario): number {
  const { steps } = search(composeThrough(27), alone, PLAIN);
  return steps;
}

const binomial = (n: number, k: number): number => (k === 0 ? 1 : (binomial(n - 1, k - 1) * n) / k);
