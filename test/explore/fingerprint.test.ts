import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Execution, nameOfStop, type Seen } from "../../src/explore/execution.ts";
import { composeSubject, loadObligation, obligationIds } from "../../src/explore/obligation.ts";
import type { Scenario } from "../../src/explore/scenario.ts";
import { type Composition, composeThrough } from "../../src/reference/compose.ts";
import { generated, scenarioOf } from "../support/scenarios.ts";

const SCHEDULES = 40;
const MOST_STEPS = 60;

/** Who goes on in a state, and with what answer to the first question of a walk. */
const schedule = fc.array(fc.tuple(fc.nat(), fc.boolean()), {
  minLength: MOST_STEPS,
  maxLength: MOST_STEPS,
});

describe.each(obligationIds())("in the scenario of obligation %s", (id) => {
  test("states with the same fingerprint go on alike", () => {
    const { scenario, reachable, unreachable } = loadObligation(id);
    for (const subject of [...reachable, ...unreachable]) {
      const known = new Map<string, string>();
      for (const choices of fc.sample(schedule, { numRuns: SCHEDULES, seed: 27 })) {
        follow(composeSubject(subject), scenario, choices, known);
      }
    }
  });
});

test("states with the same fingerprint go on alike, in 150 generated scenarios", () => {
  for (const { layer, breaks, wraps, ...threads } of fc.sample(generated, {
    numRuns: 150,
    seed: 27,
  })) {
    const known = new Map<string, string>();
    for (const choices of fc.sample(schedule, { numRuns: SCHEDULES, seed: 27 })) {
      follow(composeThrough(layer), scenarioOf(threads, breaks, wraps), choices, known);
    }
  }
});

/** Follows a schedule; what each step did from a state is what it did there before. */
function follow(
  composition: Composition,
  scenario: Scenario,
  choices: readonly (readonly [number, boolean])[],
  known: Map<string, string>,
): void {
  const execution = new Execution(composition, scenario);
  execution.takeFingerprints();
  const breaks = scenario.contention?.breaks ?? 0;
  for (const [choice, wants] of choices) {
    const able = execution.threads.filter((thread) => execution.canStep(thread));
    if (able.length === 0) return;
    const { id, name, at } = able[choice % able.length]!;
    const answers = wants && execution.wantedAt.length < breaks ? [true] : [];
    const from = `${execution.key}: ${name} from ${nameOfStop(at)}, answered ${answers.join(" ")}`;
    const did = `${toldOf(execution.step(id, answers))} to ${execution.key}`;
    expect(known.get(from) ?? did, from).toBe(did);
    known.set(from, did);
  }
}

/** Numbers of pages and of fast invalidates grow for ever: a state does not know them. */
const GROWING: ReadonlySet<string> = new Set(["id", "mmu_valid_gen"]);

/** Nor how many pages are prepared: who zapped them frees them, be it one or many. */
const toldOf = ({ events, failure, ended }: Seen): string =>
  JSON.stringify(
    { events: events.filter(({ event }) => event !== "free"), failure: failure?.message, ended },
    (name, value: unknown) =>
      GROWING.has(name) || name === "pages"
        ? undefined
        : typeof value === "bigint"
          ? value.toString(16)
          : value,
  );
