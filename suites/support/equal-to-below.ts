import { describe, expect, test } from "vitest";
import type { WireEvent } from "../../src/adapters/record.ts";
import { type Composition, composeThrough } from "../../src/reference/compose.ts";
import { checkScenario } from "./check-scenario.ts";
import { check } from "./property.ts";
import {
  type Action,
  actions,
  MACHINES,
  type MachineName,
  scenarioOf,
} from "./random-operations.ts";

/**
 * Patches that must not be noticed: the series calls them refactoring, or they only declare
 * something.
 */
export const EQUAL_TO_BELOW: ReadonlySet<number> = new Set([4, 5, 9, 10, 24, 27]);

/** Scenarios for each machine. */
const RUNS = 130;

/**
 * Events of one run; which function did something may have another name, what it did may not
 * differ.
 */
function eventsOf(
  machine: MachineName,
  wanted: readonly Action[],
  composition: Composition,
): WireEvent[] {
  const scenario = scenarioOf(machine, wanted, { mmio_generation_bits: 3 });
  return checkScenario(scenario, composition).map((event) => {
    const { reason: _reason, walk: _walk, where: _where, ...rest } = event;
    return rest;
  });
}

/**
 * A refactoring is equal to the layer below, event for event, in the random scenarios of every
 * layer.
 */
export function describeEqualToBelow(patch: number): void {
  describe("is equal to the layer below, event for event, in random scenarios", () => {
    test.each(Object.keys(MACHINES) as MachineName[])("%s", (machine) => {
      // Scenarios are checked for stale accesses, too, which E5 allows in SMM.
      const below = composeThrough(patch - 1, { remedies: ["E5"] });
      const itself = composeThrough(patch, { remedies: ["E5"] });
      check(actions, RUNS, (wanted) => {
        expect(eventsOf(machine, wanted, itself)).toEqual(eventsOf(machine, wanted, below));
      });
    });
  });
}
