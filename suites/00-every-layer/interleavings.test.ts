import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { composeThrough } from "../../src/reference/compose.ts";
import { POINTS } from "../../src/reference/machine/thread.ts";
import type { Case, ScheduleItem, Step } from "../../src/scenario/case.generated.ts";
import { checkScenario } from "../support/check-scenario.ts";
import { describeReference } from "../support/against.ts";
import { check } from "../support/property.ts";
import {
  actions,
  type Action,
  MACHINES,
  type MachineName,
  World,
} from "../support/random-operations.ts";

const THREADS = ["writer", "vcpu 0", "vcpu 1", "host"] as const;
const RUNS = 100;

/** Threads take turns; a turn ends at the next scheduling point. */
const turns = fc.array(fc.noBias(fc.constantFrom(...THREADS)), {
  minLength: 5,
  maxLength: 40,
  size: "max",
});

const ANY_STOP = [...POINTS, "blocked", "end"] as const;

/** Before the threads, in the threads, and after them: every place is looked at again. */
function racyScenario(
  machine: MachineName,
  before: readonly Action[],
  during: readonly Action[],
  order: readonly string[],
): Case {
  const world = new World(machine);
  const steps = [...world.prologue(), ...before.flatMap((action) => world.step(action) ?? [])];
  const threads: Record<string, Step[]> = Object.fromEntries(THREADS.map((name) => [name, []]));
  for (const action of during) {
    if (action.kind === "smm") continue; // a vCPU changes its mode between accesses of its own only
    const step = world.step(action);
    const owner = step === null ? null : ownerOf(step);
    if (step === null || owner === null) continue;
    // What an access sees in a race is open; what the state is afterwards is not.
    const { expect: _open, ...bare } = step;
    threads[owner]!.push(bare);
  }
  for (const [name, own] of Object.entries(threads))
    if (own.length === 0) own.push({ do: "shrink", note: name });
  const schedule: ScheduleItem[] = order.map((run) => ({ run, until: [...ANY_STOP] }));
  return {
    ...EMPTY,
    machine: { ...MACHINES[machine] },
    steps: [...steps, { do: "threads", threads, schedule }, ...world.lookEverywhere()],
  };
}

/** Region calls are the writer's, accesses their vCPU's, memory pressure the host's. */
function ownerOf(step: Step): (typeof THREADS)[number] | null {
  switch (step.do) {
    case "set_memory_region":
      return "writer";
    case "access":
    case "write_guest_table":
    case "load_cr3":
    case "invlpg":
      return step.vcpu === 0 ? "vcpu 0" : "vcpu 1";
    case "contend":
    case "host_release":
    case "shrink":
    case "flush_shadow_all":
      return "host";
    default:
      return null;
  }
}

const EMPTY: Omit<Case, "machine" | "steps"> = {
  id: "all.random-race",
  title: "A random legal scenario with threads",
  why: "Found by a property test; afterwards every access must reach what the slots say.",
  patch: 0,
  function: "install_new_memslots",
  proof: "invariant",
  layers: { from: 0, to: 27 },
  profile: "promised",
};

const racy = fc.tuple(actions, actions, turns);

describeReference(
  "after a race of region calls, accesses and the host, everything is as the slots say",
  () => {
    // With every hazard mended: the hazards themselves have cases, and the explorer searches for
    // them.
    describe.each([3, 8, 11, 14, 18, 23, 27])("layer %i", (number) => {
      test.each(Object.keys(MACHINES) as MachineName[])("%s", (machine) => {
        const composition = composeThrough(number, { remedies: ["E2", "E3", "E5", "E7", "E8"] });
        check(racy, RUNS, ([before, during, order]) => {
          checkScenario(racyScenario(machine, before, during, order), composition);
        });
      });
    });

    test("the check can fail: a deletion that forgets to flush is caught", () => {
      const composition = composeThrough(11, {
        overrides: [{ patch: 11, apply: () => ({ kvm_mmu_remote_flush_or_zap: () => true }) }],
      });
      expect(() => {
        check(racy, RUNS, ([before, during, order]) => {
          checkScenario(racyScenario("direct (NPT)", before, during, order), composition);
        });
      }).toThrow();
    });
  },
);
