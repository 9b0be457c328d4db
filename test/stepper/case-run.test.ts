import { describe, expect, test } from "vitest";
import { recordOnReference } from "../../src/adapters/reference/reference-implementation.ts";
import { judge } from "../../src/conformance/judge.ts";
import { ownClaim } from "../../src/conformance/claim.ts";
import { composeThrough } from "../../src/reference/compose.ts";
import { relevantEvents } from "../../src/scenario/capabilities.ts";
import type { Case } from "../../src/scenario/case.generated.ts";
import { loadCases } from "../../src/scenario/load-cases.ts";
import { CaseRun } from "../../src/stepper/case-run.ts";
import { REPETITIONS_AT_ONCE } from "../../src/stepper/repetitions.ts";
import { atText } from "../../src/stepper/run.ts";
import { caseViolations, stepViolations } from "../../src/stepper/verdict.ts";
import { aCaseThat, ram } from "../support/a-case.ts";

const layer = composeThrough(27);

function toEnd(run: CaseRun): CaseRun {
  while (run.turn !== null) run.goOn();
  return run;
}

/** Where the first actor stands after each move. */
function stopsOf(run: CaseRun): string[] {
  const stops: string[] = [];
  while (run.turn !== null) {
    stops.push(`${run.step} ${atText(run.actors[0]!.at)}`);
    run.goOn();
  }
  return stops;
}

const reader: Case = aCaseThat(ram(16), {
  do: "threads",
  threads: {
    writer: [ram(0)],
    vcpu: [{ do: "access", vcpu: 0, gpa: "0x5000" }],
  },
  schedule: [{ run: "writer", until: "memslots.published" }, { run: "vcpu" }],
});

describe("a case that is led stop by stop", () => {
  const cases = loadCases();

  test("shows what it shows when it runs from end to end: every case, where it must hold", () => {
    for (const scenario of cases) {
      const { composition } = ownClaim(scenario);
      const run = toEnd(new CaseRun(composition, scenario));
      const record = recordOnReference(composition, scenario, { events: relevantEvents(scenario) });
      expect(run.records, scenario.id).toEqual(record.steps);
      // A case may end in a BUG.
      expect(run.failure !== null, scenario.id).toBe(record.failure !== undefined);
      expect(caseViolations(run), scenario.id).toEqual([]);
    }
  });

  test("fails like one that runs from end to end, where it must not hold", () => {
    const failing = cases.filter(({ proof, layers }) => proof === "layer" && layers.from > 0);
    for (const scenario of failing.slice(0, 60)) {
      const below = composeThrough(scenario.layers.from - 1);
      const run = toEnd(new CaseRun(below, scenario));
      expect(caseViolations(run), scenario.id).toEqual(
        judge(scenario, recordOnReference(below, scenario)),
      );
    }
  });

  test("stops at the scheduling points of a single thread", () => {
    expect(stopsOf(new CaseRun(layer, aCaseThat(ram(16))))).toEqual([
      "0 start",
      "1 start",
      "1 memslots.published",
      "1 memslots.synchronized",
      "1 memslots.arch-updated",
      "1 memslots.generation",
      "1 mmu_lock.acquire",
    ]);
  });

  test("takes a schedule's turns", () => {
    const run = new CaseRun(layer, reader);
    const turns: string[] = [];
    while (run.turn !== null) {
      if (run.step === 2) turns.push(run.actors[run.turn]!.name);
      run.goOn();
    }
    expect(turns.slice(0, 4)).toEqual(["writer", "vcpu", "vcpu", "vcpu"]);
    expect(turns.at(-1)).toBe("writer");
  });

  test("takes many repetitions between two stops, and all in the end", () => {
    const times = REPETITIONS_AT_ONCE + 1;
    const run = new CaseRun(layer, aCaseThat({ do: "repeat", times, steps: [ram(16), ram(0)] }));
    expect(stopsOf(run)).toEqual(["0 start", "1 start", `1 ${times - 1} of ${times} times`]);
    expect(run.kvm.counters.installs).toBe(3 * times);
  });
});

describe("whoever is chosen goes on", () => {
  const begun = (): CaseRun => {
    const run = new CaseRun(layer, reader);
    while (run.step < 2) run.goOn();
    return run;
  };

  test("against the schedule, and keeps the turn", () => {
    const run = begun();
    run.choose(1);
    expect(run.actors.map(({ at }) => at)).toEqual(["start", "guest.enter"]);
    expect(run.turn).toBe(1);
  });

  test("unless it waits; then whoever can", () => {
    const run = begun();
    run.choose(1);
    while (run.actors[1]!.at !== "slot.looked-up") run.choose(1);
    run.choose(0);
    run.choose(0);
    expect(run.actors[0]!.canGoOn).toBe(false);
    expect(run.turn).toBe(1);
    run.choose(0);
    expect(run.actors[1]!.at).toBe("slot.looked-up");
    expect(toEnd(run).step).toBe(3);
  });
});

describe("what a case expects", () => {
  const wrong = aCaseThat(
    ram(16),
    { do: "access", vcpu: 0, gpa: "0x5000", expect: { outcome: "mmio" } },
    { do: "access", vcpu: 0, gpa: "0x5000" },
  );

  test("is judged step by step, at its place in the case", () => {
    const run = toEnd(new CaseRun(layer, wrong));
    const pointers = stepViolations(run).map((found) => found.map(({ pointer }) => pointer));
    expect(pointers).toEqual([[], [], ["/steps/2/expect/outcome"], []]);
  });

  test("is judged as a whole when the run is over, not before", () => {
    const run = new CaseRun(layer, wrong);
    expect(caseViolations(run)).toBeNull();
    expect(caseViolations(toEnd(run))).toHaveLength(1);
  });
});

test("what the model gives up about ends the run, and is told", () => {
  const run = toEnd(new CaseRun(layer, aCaseThat({ do: "access", vcpu: 0, gva: "0x5000" })));
  expect(run.failure).toBe(
    "ModelBug: vCPU 0 runs without page tables of its own: an access needs a gpa",
  );
  expect(run.step).toBe(1);
  expect(caseViolations(run)).toMatchObject([{ pointer: "/steps/1" }]);
});
