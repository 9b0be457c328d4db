import { hex, type StepRecord } from "../adapters/record.ts";
import type { Composition } from "../reference/compose.ts";
import type { Event } from "../reference/machine/events.ts";
import type { Kvm } from "../reference/machine/kvm.ts";
import type { ScheduleItem, Step } from "../scenario/case.generated.ts";
import { Execution, nameOfStop, nextStep, type Taken } from "./execution.ts";
import type { Livelock } from "./livelock.ts";
import type { Stand } from "./parts.ts";
import type { Property } from "./property.ts";
import type { Scenario } from "./scenario.ts";
import { search, type Violation } from "./search.ts";

/**
 * A schedule under which a property does not hold, with as few preemptions as possible, and of
 * those one with the fewest steps that the search met.
 */
export function shortestWitness(
  composition: Composition,
  scenario: Scenario,
  property: Property,
  maxPreemptions = 8,
): Violation | null {
  for (let preemptions = 0; preemptions <= maxPreemptions; preemptions++) {
    const { violations, notCovered } = search(composition, scenario, {
      properties: [property],
      preemptions,
      firstOnly: true,
    });
    if (violations[0] !== undefined) return violations[0];
    if (notCovered === null) return null;
  }
  return null;
}

/** One step of a witness, to be read. */
export interface WitnessRow {
  readonly thread: string;
  /** The point that it goes on from, and the one that it comes to. */
  readonly from: string;
  readonly to: string;
  /** The kernel function that it is in. */
  readonly function: string;
  /** What happened, each in a few words. */
  readonly events: readonly string[];
  /** What is true afterwards: numbers of the published sets, who holds mmu_lock. */
  readonly state: string;
}

export interface Witness {
  readonly rows: readonly WitnessRow[];
  /** What the steps after the threads returned, one text a step. */
  readonly after: readonly string[];
}

/** Follows a schedule and tells each step. */
export function witnessOf(
  composition: Composition,
  scenario: Scenario,
  { schedule }: Pick<Violation, "schedule">,
): Witness {
  const execution = new Execution(composition, scenario);
  execution.fingerprints = false;
  const rows = schedule.map(({ thread: id, answers }): WitnessRow => {
    const begins = nextStep(execution.threads[id]!);
    const { from, events } = execution.step(id, answers);
    const { name, at } = execution.threads[id]!;
    const results = execution.threads[id]!.results.at(-1);
    const outcome = at === "end" || at === "guest.enter" ? results?.["outcome"] : undefined;
    return {
      thread: name,
      from: nameOfStop(from),
      to: nameOfStop(at),
      function: from === "start" ? (BEGINNINGS[begins?.do ?? ""] ?? "") : functionAt(from),
      events: [
        ...eventTexts(events),
        ...(typeof outcome === "string" ? [`access ends: ${outcome}`] : []),
      ],
      state: stateText(execution.kvm),
    };
  });
  const after = execution.isOver ? execution.finish().map(({ result }) => resultText(result)) : [];
  return { rows, after };
}

const resultText = (result: StepRecord["result"]): string =>
  Object.entries(result)
    .map(([field, value]) => `${field} ${String(value)}`)
    .join(", ");

const FUNCTIONS: Readonly<Record<string, string>> = {
  "memslots.published": "synchronize_srcu_expedited",
  "memslots.synchronized": "install_new_memslots",
  "memslots.generation": "install_new_memslots",
  "memslots.arch-updated": "install_new_memslots",
  "guest.enter": "vcpu_enter_guest",
  "slot.looked-up": "try_async_pf",
  "cache.fill": "vcpu_cache_mmio_info",
  "spte.mark": "set_mmio_spte",
  "spte.check": "check_mmio_spte",
  emulate: "x86_emulate_instruction",
  "mmu_lock.acquire": "spin_lock",
  "mmu_lock.break": "cond_resched_lock",
};

const functionAt = (stand: Stand): string =>
  typeof stand === "string" ? (FUNCTIONS[stand] ?? stand) : WAITS[stand.waitsFor];

const WAITS = {
  mmu_lock: "spin_lock",
  slots_lock: "kvm_set_memory_region",
  srcu: "synchronize_srcu_expedited",
  mmu_notifier: "vcpu_enter_guest",
} as const;

const BEGINNINGS: Readonly<Record<string, string>> = {
  set_memory_region: "kvm_set_memory_region",
  flush_shadow_all: "kvm_arch_flush_shadow_all",
  shrink: "mmu_shrink_scan",
  host_release: "kvm_mmu_notifier_invalidate_range_start",
};

function eventTexts(events: readonly Event[]): string[] {
  const zaps = events.filter(({ event }) => event === "prepare_zap").length;
  const told = events.flatMap((event) => {
    switch (event.event) {
      case "memslots.published":
        return [`publishes a set of address space ${event.as}`];
      case "memslots.generation":
        return [`stores generation ${BigInt.asIntN(64, event.generation)}`];
      case "memslots.arch-updated":
        return [`hook is given ${BigInt.asIntN(64, event.generation)}`];
      case "mark_mmio_spte":
        return [`marks gfn ${hex(event.gfn)} with ${hex(event.generation)}`];
      case "check_mmio_spte":
        return [
          `entry ${hex(event.spte_gen)}, kvm ${hex(event.kvm_gen)}: ${validText(event.valid)}`,
        ];
      case "cache.fill":
        return [`cache: gfn ${hex(event.gfn)}, ${hex(event.generation)}`];
      case "cache.hit":
        return ["cache answers"];
      case "remote_flush":
        return ["flushes all TLBs"];
      case "reload":
        return ["asks all vCPUs to reload"];
      case "lock_break":
        return ["drops mmu_lock"];
      case "warn":
        return [`WARN in ${event.where}`];
      default:
        return [];
    }
  });
  return zaps === 0 ? told : [`zaps ${zaps} page${zaps === 1 ? "" : "s"}`, ...told];
}

const validText = (valid: boolean): string => (valid ? "match" : "no match");

function stateText({ memslots, ops, mmu_lock }: Kvm): string {
  const flag = ops.KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS;
  const numbers = memslots.map(({ generation }) => {
    const settled = BigInt.asIntN(64, generation & ~flag);
    return (generation & flag) === 0n ? `${settled}` : `${settled} in flux`;
  });
  return [...numbers, ...(mmu_lock.held ? ["locked"] : [])].join(", ");
}

/** The steps of a case that follows a schedule: set-up, threads, and what comes after. */
export function witnessSteps(
  composition: Composition,
  scenario: Scenario,
  { schedule, finding: { shows } }: Violation,
  { events, after: looksAfter = [] }: Property["inCase"] & object = {},
): Step[] {
  const follower = new Follower(composition, scenario);
  const items = follower.follow(schedule);
  const { wantedAt } = follower.execution;
  const who = scenario.contention?.who ?? "cpu";
  const contend: Step[] =
    wantedAt.length === 0 ? [] : [{ do: "contend", who, when: wantedAt as [] }];
  const expected = (thread: string, step: Step, operation: number): Step =>
    shows !== undefined &&
    "thread" in shows &&
    shows.thread === thread &&
    shows.operation === operation
      ? ({ ...step, expect: shows.expect } as Step)
      : step;
  const threads = Object.entries(scenario.threads).map(([name, steps]) => [
    name,
    steps.map((step, operation) => expected(name, step, operation)),
  ]);
  const after = scenario.after.map((step, i) =>
    shows !== undefined && "after" in shows && shows.after === i
      ? ({ ...step, expect: shows.expect } as Step)
      : step,
  );
  return [
    ...scenario.setup,
    ...contend,
    {
      do: "threads",
      threads: Object.fromEntries(threads) as never,
      schedule: items,
      ...(events !== undefined && { expect: { events } }),
    },
    ...after,
    ...looksAfter,
  ];
}

/** How often a case goes through a cycle that has no end. */
const ROUNDS = 20;

/** The steps of a case that goes into a livelock and round in it, until its schedule is over. */
export function lassoSteps(
  composition: Composition,
  scenario: Scenario,
  { stem, cycle }: Livelock,
): Step[] {
  const follower = new Follower(composition, scenario);
  const begin = follower.follow([...stem, ...cycle]);
  const rounds = Array.from({ length: ROUNDS - 1 }, () => follower.follow(cycle));
  const threads = follower.execution.threads.map(({ name, steps, forever, operations }) => [
    name,
    forever ? [{ do: "repeat", times: operations + 1, steps }] : steps,
  ]);
  return [
    ...scenario.setup,
    {
      do: "threads",
      threads: Object.fromEntries(threads) as never,
      schedule: [...begin, { repeat: rounds.length, schedule: rounds[0] as never }],
    },
  ];
}

/** Follows a schedule and tells it as the items of a case's. */
class Follower {
  readonly execution: Execution;
  readonly #started = new Set<string>();

  constructor(composition: Composition, scenario: Scenario) {
    this.execution = new Execution(composition, scenario);
    this.execution.fingerprints = false;
  }

  follow(schedule: readonly Taken[]): ScheduleItem[] {
    const items: Item[] = [];
    for (const { thread: id, answers } of schedule) {
      const { name, steps } = this.execution.threads[id]!;
      this.execution.step(id, answers);
      const { at } = this.execution.threads[id]!;
      const stop = typeof at === "string" ? at : "blocked";
      if (items.at(-1)?.run !== name) {
        // The search lets an access begin where it enters the guest; in a case it has yet to come there.
        const isFirst = !this.#started.has(name) && steps[0]!.do === "access";
        items.push({ run: name, stops: isFirst ? ["guest.enter"] : [] });
        this.#started.add(name);
      }
      items.at(-1)!.stops.push(stop);
    }
    return items.map(scheduleItem);
  }
}

interface Item {
  readonly run: string;
  readonly stops: string[];
}

/** Up to the last of its stops, which may not be the first of its name. */
function scheduleItem({ run, stops }: Item): ScheduleItem {
  const until = stops.at(-1)!;
  if (until === "end") return { run };
  const nth = until === "blocked" ? 1 : stops.filter((stop) => stop === until).length;
  return { run, until, ...(nth > 1 && { nth }) } as ScheduleItem;
}
