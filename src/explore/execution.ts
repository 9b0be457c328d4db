import { perform, type ReferenceVm } from "../adapters/reference/perform.ts";
import type { StepRecord, StepResult } from "../adapters/record.ts";
import { ReferenceRun } from "../adapters/reference/reference-implementation.ts";
import type { Composition } from "../reference/compose.ts";
import type { Event } from "../reference/machine/events.ts";
import type { Kvm } from "../reference/machine/kvm.ts";
import type { Point, Task } from "../reference/machine/thread.ts";
import { Fingerprint } from "./fingerprint.ts";
import { Hash } from "./hash.ts";
import { allVcpus, partOfVcpu, PARTS, SHARED, type Stand, touchedFrom } from "./parts.ts";
import type { Scenario, ThreadStep } from "./scenario.ts";

/** One thread of an execution. */
export interface Thread {
  readonly id: number;
  readonly name: string;
  readonly steps: readonly ThreadStep[];
  /** Begins again whenever it is through. */
  readonly forever: boolean;
  /** The parts that are its own: the vCPUs that its operations are about. */
  readonly parts: number;
  readonly task: Task<void>;
  /** What its operations returned; a thread that goes on forever keeps nothing. */
  readonly results: StepResult[];
  /** Operations that are through. */
  operations: number;
  /** Whether the operation in progress has done anything yet. */
  begun: boolean;
  at: Stand;
  /** Fingerprint of what it has read and not forgotten: its local variables. */
  local: number;
  /** The same without what it has read of the MMU: how it came here, and the memslots it saw. */
  place: number;
  /** A vCPU on its way into the guest: it has not faulted since it last was about to enter. */
  entering: boolean;
  /** The walk over all pages that it is in: how many pages had been made when it began. */
  walk: { readonly began: number } | null;
}

/** One step of an execution: who took it. */
export interface Taken {
  readonly thread: number;
  /** What was answered when a walk asked whether the lock or the CPU is wanted. */
  readonly answers: readonly boolean[];
}

/** What a step did. */
export interface Seen extends Taken {
  readonly from: Stand;
  /** Parts of the state that it may have touched, and those that it changed. */
  readonly touched: number;
  readonly changed: number;
  readonly events: readonly Event[];
  /** Whether an operation began, and how many ended. */
  readonly began: boolean;
  readonly ended: number;
  /** What the kernel gave up about, or null. */
  readonly failure: Error | null;
}

/** Fingerprints at a point of an execution. */
export interface Saved {
  readonly parts: readonly number[];
  readonly locals: readonly (readonly [local: number, place: number])[];
}

const NONE: readonly Event[] = [];

/** The thread that is taking a step, of whatever execution. */
let running: Thread | null = null;
const watchedCompositions = new WeakMap<Composition, Composition>();

/** A composition whose walks over all pages are noted in the thread that takes them. */
function watchWalks(composition: Composition): Composition {
  const known = watchedCompositions.get(composition);
  if (known !== undefined) return known;
  const { ops } = composition;
  const watched: Composition = {
    ...composition,
    ops: {
      ...ops,
      *walkPages(kvm, ...walk) {
        const thread = running;
        if (thread !== null) thread.walk = { began: kvm.counters.pages_allocated };
        yield* ops.walkPages(kvm, ...walk);
        if (thread !== null) thread.walk = null;
      },
    },
  };
  watchedCompositions.set(composition, watched);
  return watched;
}

/** A run of a scenario under a schedule that is being made, step by step. */
export class Execution {
  readonly kvm: Kvm;
  readonly scenario: Scenario;
  readonly threads: readonly Thread[];
  /** Ordinal numbers of the questions that were answered yes. */
  readonly wantedAt: number[] = [];
  /** Fingerprints are taken; without them a known schedule is followed faster. */
  fingerprints = true;
  readonly #run: ReferenceRun;
  readonly #fingerprint: Fingerprint;
  readonly #sectionOwners = new Map<number, number>();
  readonly #written = new Map<string, string>();
  #answers: boolean[] = [];
  #given = 0;

  readonly #passed: ReadonlySet<string>;

  /** @param passed points at which no thread is stopped. */
  constructor(composition: Composition, scenario: Scenario, passed: readonly Point[] = []) {
    this.#passed = new Set(passed);
    this.scenario = scenario;
    const watched = watchWalks(composition);
    this.#run = new ReferenceRun(watched, scenario.machine, new Set());
    const { kvm } = this.#run;
    this.kvm = kvm;
    for (const step of scenario.setup) this.#run.step(step);
    if (scenario.contention !== undefined) {
      kvm.mmu_lock.contend(scenario.contention.who, { ask: (question) => this.#ask(question) });
    }
    kvm.stoppable = true;
    this.#fingerprint = new Fingerprint(kvm, {
      sectionOwners: this.#sectionOwners,
      written: this.#written,
      walks: () => this.threads.flatMap(({ walk }) => walk ?? []),
    });
    const vm = { kvm, composition: watched };
    const names = Object.keys(scenario.threads);
    this.threads = names.map((name, id) => this.#thread(vm, name, id));
  }

  #thread(vm: ReferenceVm, name: string, id: number): Thread {
    const steps = this.scenario.threads[name]!;
    const forever = this.scenario.forever.includes(name);
    const thread: Thread = {
      id,
      name,
      steps,
      forever,
      parts: partsOf(steps),
      task: operations(vm, steps, forever, (step, result) => {
        this.#ends(thread, step, result);
      }),
      results: [],
      operations: 0,
      begun: false,
      at: "start",
      local: 0,
      place: 0,
      entering: true,
      walk: null,
    };
    // An access does nothing before it enters the guest.
    if (steps[0]!.do === "access") this.#advance(thread);
    return thread;
  }

  #ends(thread: Thread, step: ThreadStep, result: StepResult): void {
    thread.operations++;
    thread.begun = false;
    if (!thread.forever) thread.results.push(result);
    if (step.do === "access" && step.kind === "write" && "hva" in result) {
      this.#written.set(String(result["hva"]), step.value ?? "");
    } else if (step.do === "write_guest_table") {
      this.#written.set(step.gpa ?? `${step.vcpu} ${step.gva}`, step.entry);
    } else if (step.do === "host_release") {
      this.#written.set(step.hva, `taken back ${this.#written.size}`);
    }
  }

  /** Whether a thread can take a step: it is not through, and what it needs is there. */
  canStep({ at }: Thread): boolean {
    if (typeof at === "object") return at.ready();
    if (at === "end") return false;
    const needsLock = at === "mmu_lock.acquire" || at === "mmu_lock.break";
    return !needsLock || this.kvm.machine.preempt || !this.kvm.mmu_lock.held;
  }

  get isOver(): boolean {
    return this.threads.every(({ at }) => at === "end");
  }

  /**
   * Lets a thread go on to its next stop.
   * @param answers to the first questions that are asked on the way; no to all others.
   */
  step(id: number, answers: readonly boolean[]): Seen {
    const thread = this.threads[id]!;
    const { counters } = this.kvm;
    const { at: from, operations, begun } = thread;
    const { remote_flushes, reloads, faults } = counters;
    thread.begun = true;
    this.#answers = answers.length === 0 ? [] : answers.slice();
    this.#given = 0;
    const failure = this.#advance(thread);
    const ended = thread.operations - operations;
    if (thread.at === "guest.enter") thread.entering = true;
    else if (counters.faults !== faults) thread.entering = false;

    let touched = touchedFrom(from) | thread.parts;
    if (counters.remote_flushes !== remote_flushes || counters.reloads !== reloads) {
      touched |= allVcpus(this.kvm);
    }
    if (!begun || ended > 0) touched |= PARTS.slotsLock | PARTS.memslots;
    // The next operation has begun in the same step.
    if (ended > 0 && !atRest(thread)) touched |= SHARED;
    const log = this.kvm.log!;
    return {
      thread: id,
      answers: this.#answers,
      from,
      touched,
      changed: this.fingerprints ? this.#remember(thread, touched, ended) : 0,
      events: log.length === 0 ? NONE : log.splice(0),
      began: !begun,
      ended,
      failure,
    };
  }

  #advance(thread: Thread): Error | null {
    running = thread;
    try {
      do {
        const stop = thread.task.next();
        thread.at = stop.done === true ? "end" : stop.value;
      } while (typeof thread.at === "string" && this.#passed.has(thread.at));
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      thread.at = "end";
      return error;
    } finally {
      running = null;
      for (const section of this.kvm.srcu.sections) {
        if (!this.#sectionOwners.has(section)) this.#sectionOwners.set(section, thread.id);
      }
    }
    return null;
  }

  /** What a thread knows is what it has read, until it forgets it. */
  #remember(thread: Thread, touched: number, ended: number): number {
    if (ended > 0 && atRest(thread)) thread.local = thread.place = 0;
    else if (startsOver(thread)) thread.local = thread.place = 1;
    else if (this.#dropsItsRoots(thread)) thread.local = thread.place = 2;
    else {
      thread.place = this.#read(thread.place, touched & PARTS.memslots).addText(
        nameOfStop(thread.at),
      ).value;
      const read = this.#read(thread.local, touched);
      for (const answer of this.#answers) read.add(answer ? 1 : 2);
      thread.local = knowsNoPages(thread) ? thread.place : read.value;
    }
    return this.#fingerprint.update(touched);
  }

  #read(before: number, parts: number): Hash {
    const read = new Hash().add(before);
    this.#fingerprint.parts.forEach((part, bit) => {
      if (parts & (1 << bit)) read.add(part);
    });
    return read;
  }

  /** About to drop its roots before it enters the guest, to load others then. */
  #dropsItsRoots({ at, entering, begun, steps, operations }: Thread): boolean {
    const step = steps[operations % steps.length]!;
    if (!begun || at !== "mmu_lock.acquire" || !entering || step.do !== "access") return false;
    const { roots, direct_map } = this.kvm.vcpus[step.vcpu]!;
    return direct_map && roots !== null;
  }

  /** A fingerprint of the whole state: executions that have the same can go on alike. */
  get key(): number {
    const hash = new Hash();
    for (const part of this.#fingerprint.parts) hash.add(part);
    for (const { local, at, begun, forever, operations, steps, results } of this.threads) {
      hash
        .add(local)
        .addText(nameOfStop(at))
        .add(begun ? 1 : 0);
      hash.add(forever ? operations % steps.length : operations);
      for (const result of results) hashOfResult(hash, result);
    }
    return hash.add(this.wantedAt.length).value;
  }

  /** Takes all fingerprints anew. */
  takeFingerprints(): void {
    this.#fingerprint.update(~0);
  }

  save(): Saved {
    const locals = this.threads.map(({ local, place }) => [local, place] as const);
    return { parts: this.#fingerprint.parts.slice(), locals };
  }

  /** Takes over the fingerprints of an execution that came here the same way. */
  restore({ parts, locals }: Saved): void {
    this.#fingerprint.parts = parts.slice();
    for (const thread of this.threads) [thread.local, thread.place] = locals[thread.id]!;
  }

  /** When all threads are through: the steps that come after them. @throws KernelBug, ModelBug */
  finish(): StepRecord[] {
    this.kvm.stoppable = false;
    return this.scenario.after.map((step) => this.#run.step(step));
  }

  #ask(question: number): boolean {
    const given = this.#given++;
    const answer = (this.#answers[given] ??= false);
    if (answer) this.wantedAt.push(question);
    return answer;
  }
}

const partsOf = (steps: readonly ThreadStep[]): number =>
  steps.reduce((parts, step) => ("vcpu" in step ? parts | partOfVcpu(step.vcpu ?? 0) : parts), 0);

/**
 * Whether what a thread has read of the MMU no longer matters to it: only a vCPU takes something of it along to
 * where it takes mmu_lock, and nobody to an install.
 */
const knowsNoPages = (thread: Thread): boolean => {
  const { at } = thread;
  if (typeof at === "object") return at.waitsFor === "srcu" || at.waitsFor === "slots_lock";
  if (at.startsWith("memslots.")) return true;
  return at === "mmu_lock.acquire" && !("vcpu" in nextStep(thread)!);
};

/** Between two operations: through, or about to enter the guest. */
const atRest = ({ at }: Thread): boolean => at === "guest.enter" || at === "end";

/** About to try the same access again, or to start a walk over all pages again. */
const startsOver = ({ at, walk }: Thread): boolean =>
  at === "guest.enter" || (at === "mmu_lock.break" && walk !== null);

export const nameOfStop = (at: Stand): string =>
  typeof at === "string" ? at : `waits for ${at.waitsFor}`;

/** The operation that a thread is in or will begin next. */
export const nextStep = ({ steps, operations, at }: Thread): ThreadStep | undefined =>
  at === "end" ? undefined : steps[operations % steps.length];

function hashOfResult(hash: Hash, result: StepResult): void {
  for (const [field, value] of Object.entries(result)) hash.addText(field).addText(String(value));
}

function* operations(
  vm: ReferenceVm,
  steps: readonly ThreadStep[],
  forever: boolean,
  through: (step: ThreadStep, result: StepResult) => void,
): Task<void> {
  do {
    for (const step of steps) through(step, yield* perform(vm, step));
  } while (forever);
}
