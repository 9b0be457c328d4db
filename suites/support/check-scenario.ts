import type { WireEvent } from "../../src/adapters/record.ts";
import { ReferenceRun } from "../../src/adapters/reference/reference-implementation.ts";
import { judge } from "../../src/conformance/judge.ts";
import { audit } from "../../src/reference/audit.ts";
import type { Composition } from "../../src/reference/compose.ts";
import type { Kvm } from "../../src/reference/machine/kvm.ts";
import type { Case } from "../../src/scenario/case.generated.ts";

/**
 * A scenario broke something that holds at every layer. The message carries the scenario, ready to
 * be saved.
 */
export class InvariantBroken extends Error {
  constructor(finding: string, scenario: Case, at = scenario.steps.length - 1) {
    const steps = scenario.steps.slice(0, at + 1).map((step) => `    ${JSON.stringify(step)}`);
    super(
      `${finding}\nafter step ${at} of\n` +
        `  machine ${JSON.stringify(scenario.machine)}\n  steps [\n${steps.join(",\n")}\n  ]`,
    );
  }
}

/**
 * Runs a scenario step by step and checks after each what holds at every layer: accesses reach what
 * the slots say, the state is consistent, pages are freed only after a flush, a rejected call
 * changes nothing, nothing warns.
 * @returns all events. @throws InvariantBroken
 */
export function checkScenario(scenario: Case, composition: Composition): WireEvent[] {
  const run = new ReferenceRun(composition, scenario.machine);
  const { kvm } = run;
  const all: WireEvent[] = [];
  for (const [i, step] of scenario.steps.entries()) {
    const fail = (finding: string): never => {
      throw new InvariantBroken(finding, scenario, i);
    };
    const before = stateOf(kvm);
    const usedBefore = kvm.n_used_mmu_pages;
    const observed = run.step(step);
    const { result, events } = observed;
    all.push(...events);

    const single = { ...scenario, steps: [step] };
    for (const violation of judge(single, { id: scenario.id, steps: [observed] })) {
      fail(`expected ${violation.expected}; seen ${violation.seen}`);
    }
    for (const finding of audit(kvm)) fail(finding);
    const warning = events.find(({ event }) => event === "warn");
    if (warning !== undefined) fail(`a warning: ${JSON.stringify(warning)}`);
    if (!freesFollowFlush(events)) fail("a page is freed without a flush before");
    if (step.do === "set_memory_region") {
      const rejected = result["result"] !== "ok";
      if (rejected && stateOf(kvm) !== before) fail("a rejected call has changed something");
      const flushes = events.some(({ event }) => event === "remote_flush");
      if (usedBefore === 0 && flushes) fail("a flush although there is nothing to flush");
    }
  }
  return all;
}

/** What a rejected region call must leave alone. */
const stateOf = (kvm: Kvm): string =>
  JSON.stringify(
    [
      kvm.memslots.map(({ generation, slots }) => [
        generation,
        slots.map(({ id, base_gfn, flags }) => [id, base_gfn, flags]),
      ]),
      kvm.counters,
    ],
    (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value),
  );

/** In each run of frees, the event before it is a flush. */
const freesFollowFlush = (events: readonly WireEvent[]): boolean =>
  events.every(({ event }, i) => {
    const before = events[i - 1]?.event;
    return event !== "free" || before === "free" || before === "remote_flush";
  });
