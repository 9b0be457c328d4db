import type { Composition } from "../reference/compose.ts";
import type { Point } from "../reference/machine/thread.ts";
import { Execution, type Saved, type Seen, type Taken } from "./execution.ts";
import { Hash } from "./hash.ts";
import type { Finding, Property, Watcher } from "./property.ts";
import type { Scenario } from "./scenario.ts";

export interface SearchOptions {
  readonly properties?: readonly Property[];
  /** Partial-order reduction: of steps that commute, one order is taken. On, if left out. */
  readonly sleepSets?: boolean;
  /** States that were seen are not gone on from again. On, if left out. */
  readonly hashing?: boolean;
  /** Points at which no thread is stopped: a coarser space than the kernel's. */
  readonly passed?: readonly Point[];
  /** At most so many times a thread is left that could go on. */
  readonly preemptions?: number;
  /** Ends the search when it has taken so many executions. */
  readonly maxExecutions?: number;
  /** Ends the search at the first violation of each property. */
  readonly firstOnly?: boolean;
  /** Called with each complete execution. */
  readonly onEnd?: (execution: Execution) => void;
  /** Called with each step that is taken anew; needs hashing. */
  readonly onEdge?: (edge: Edge) => void;
  /** Called now and then. */
  readonly onProgress?: (counts: Counts) => void;
}

export interface Counts {
  /** Runs from the beginning to an end, or to a state that was seen before. */
  executions: number;
  /** States that were reached, each counted once when hashing is on. */
  states: number;
  /** Steps of threads that were taken anew, replayed ones not counted. */
  steps: number;
}

/** A schedule under which a property does not hold. */
export interface Violation {
  readonly property: string;
  readonly finding: Finding;
  readonly schedule: readonly Taken[];
  /** Whether it shows only in the steps after the threads. */
  readonly atEnd: boolean;
}

/** A step between two states. */
export interface Edge {
  readonly from: number;
  readonly to: number;
  readonly thread: number;
  readonly answers: readonly boolean[];
  /** Threads that can take a step where it begins, as bits. */
  readonly able: number;
  /** The schedule up to there. */
  readonly path: readonly Taken[];
}

export interface SearchResult extends Counts {
  /** The first of each property that was violated. */
  readonly violations: readonly Violation[];
  /** Why the search has not seen everything, or null: it has. */
  readonly notCovered: string | null;
}

/** A state on the way of the current execution. */
interface Node {
  readonly saved: Saved | null;
  /** Steps still to be taken from here. */
  readonly pending: Taken[];
  /** Steps whose continuations another order has seen. */
  readonly asleep: Asleep[];
  readonly preemptions: number;
  readonly key: number;
  /** Threads that can take a step, as bits. */
  readonly able: number;
  /** The step that was taken last. */
  current: Taken | null;
}

interface Asleep {
  readonly thread: number;
  readonly touched: number;
  readonly changed: number;
}

const NO_ANSWERS: readonly boolean[] = [];

/**
 * Depth-first over all orders of the steps of a scenario's threads, and over all answers to
 * questions of contention. An execution cannot be copied, so to come back to a state its schedule
 * is followed again from the beginning.
 */
export function search(
  composition: Composition,
  scenario: Scenario,
  options: SearchOptions = {},
): SearchResult {
  return new Search(composition, scenario, options).run();
}

class Search {
  readonly #composition: Composition;
  readonly #scenario: Scenario;
  readonly #options: SearchOptions;
  readonly #hashing: boolean;
  readonly #sleepSets: boolean;
  readonly #counts: Counts = { executions: 0, states: 0, steps: 0 };
  /** By fingerprint: threads that were asleep, as bits, whenever the state was seen. */
  readonly #seen = new Map<number, number>();
  readonly #violations = new Map<string, Violation>();
  readonly #stack: Node[] = [];
  #execution!: Execution;
  #watchers: { property: string; watcher: Watcher }[] = [];
  #notCovered: string | null = null;

  constructor(composition: Composition, scenario: Scenario, options: SearchOptions) {
    this.#composition = composition;
    this.#scenario = scenario;
    this.#options = options;
    this.#hashing = options.hashing ?? true;
    // A bound counts what an order costs; of two orders of the same steps one may be too dear.
    this.#sleepSets = (options.sleepSets ?? true) && options.preemptions === undefined;
  }

  run(): SearchResult {
    const { maxExecutions = Infinity, firstOnly = false } = this.#options;
    this.#begin(true);
    let node = this.#arrive(0, null, []);
    for (;;) {
      if (node !== null) this.#stack.push(node);
      else {
        this.#counts.executions++;
        if (this.#counts.executions % 256 === 0) this.#options.onProgress?.(this.#counts);
        if (firstOnly && this.#violations.size === (this.#options.properties ?? []).length) break;
        while (this.#stack.at(-1)?.pending.length === 0) this.#stack.pop();
        if (this.#stack.length === 0) break;
        if (this.#counts.executions >= maxExecutions) {
          this.#notCovered = `it ended after ${maxExecutions} executions with ${this.#left()}`;
          break;
        }
        this.#replay();
      }
      node = this.#goOn(this.#stack.at(-1)!);
    }
    return {
      ...this.#counts,
      violations: [...this.#violations.values()],
      notCovered: this.#notCovered,
    };
  }

  /** The choices that were not made on the way of the last execution, the shallowest first. */
  #left(): string {
    const names = Object.keys(this.#scenario.threads);
    const count = this.#stack.reduce((sum, { pending }) => sum + pending.length, 0);
    const step = this.#stack.findIndex(({ pending }) => pending.length > 0);
    const { thread } = this.#stack[step]!.pending[0]!;
    const choices = count === 1 ? "1 choice" : `${count} choices`;
    return `${choices} left, the first of them ${names[thread]!} in step ${step + 1}`;
  }

  #begin(fresh: boolean): void {
    const execution = new Execution(this.#composition, this.#scenario, this.#options.passed);
    this.#execution = execution;
    execution.fingerprints = fresh && (this.#hashing || this.#sleepSets);
    if (execution.fingerprints) execution.takeFingerprints();
    this.#watchers = (this.#options.properties ?? []).map(({ id, watch }) => ({
      property: id,
      watcher: watch(execution),
    }));
  }

  /** Begins again and follows the schedule to the state at the top of the stack. */
  #replay(): void {
    this.#begin(false);
    for (const { current } of this.#stack.slice(0, -1)) {
      const seen = this.#execution.step(current!.thread, current!.answers);
      for (const { watcher } of this.#watchers) watcher.after?.(seen);
    }
    const { saved } = this.#stack.at(-1)!;
    if (saved !== null) {
      this.#execution.fingerprints = true;
      this.#execution.restore(saved);
    }
  }

  /** Takes the next step from a node. @returns the node behind it, or null: go back. */
  #goOn(node: Node): Node | null {
    const choice = node.pending.shift()!;
    const last = this.#stack.at(-2)?.current?.thread;
    const leaves = last !== undefined && last !== choice.thread && this.#canStep(last);
    const preemptions = node.preemptions + (leaves ? 1 : 0);
    if (preemptions > (this.#options.preemptions ?? Infinity)) {
      this.#notCovered = `it took at most ${this.#options.preemptions} preemptions`;
      if (node.pending.length > 0) return this.#goOn(node);
      node.current = choice;
      return null;
    }
    const seen = this.#execution.step(choice.thread, choice.answers);
    this.#counts.steps++;
    node.current = seen;
    this.#otherAnswers(node, choice, seen);
    for (const { property, watcher } of this.#watchers) {
      this.#report(property, watcher.after?.(seen) ?? null, false);
    }
    const asleep = node.asleep.filter((other) => commute(other, seen));
    if (this.#sleepSets && seen.answers.length === 0) node.asleep.push(seen);
    return seen.failure === null ? this.#arrive(preemptions, seen, asleep) : null;
  }

  #canStep(thread: number): boolean {
    return this.#execution.canStep(this.#execution.threads[thread]!);
  }

  /** Questions that were asked beyond the answers given: each could be answered yes. */
  #otherAnswers(node: Node, { answers }: Taken, { thread, answers: given }: Seen): void {
    const breaks = this.#scenario.contention?.breaks ?? 0;
    const left = breaks - this.#execution.wantedAt.length;
    if (left <= 0) return;
    for (let i = given.length - 1; i >= answers.length; i--) {
      node.pending.unshift({ thread, answers: [...given.slice(0, i), true] });
    }
  }

  /** Looks at the state that was reached. @returns null where the execution ends. */
  #arrive(preemptions: number, last: Seen | null, asleep: Asleep[]): Node | null {
    const execution = this.#execution;
    const able = execution.threads.filter((thread) => execution.canStep(thread));
    if (able.length === 0) {
      this.#counts.states++;
      this.#end();
      return null;
    }
    const sleeping = bitsOf(asleep.map(({ thread }) => thread));
    const key = this.#hashing ? this.#key(preemptions, last) : 0;
    this.#tellEdge(key);
    let awake = able.filter(({ id }) => !(sleeping & (1 << id)));
    const before = this.#hashing ? this.#seen.get(key) : undefined;
    if (before === undefined) this.#counts.states++;
    else awake = awake.filter(({ id }) => before & (1 << id));
    if (this.#hashing) this.#seen.set(key, before === undefined ? sleeping : before & sleeping);
    if (awake.length === 0) return null;
    const pending = awake.map(({ id }) => ({ thread: id, answers: NO_ANSWERS }));
    // The thread that ran goes on first: readable schedules are found first.
    if (last !== null)
      pending.sort((a, b) => Number(b.thread === last.thread) - Number(a.thread === last.thread));
    const saved = this.#hashing || this.#sleepSets ? execution.save() : null;
    const bits = bitsOf(able.map(({ id }) => id));
    return { saved, pending, asleep, preemptions, key, able: bits, current: null };
  }

  #tellEdge(to: number): void {
    const node = this.#stack.at(-1);
    if (this.#options.onEdge === undefined || node === undefined) return;
    const path = this.#stack.slice(0, -1).map(({ current }) => current!);
    const { key: from, able, current } = node;
    const { thread, answers } = current!;
    this.#options.onEdge({ from, to, thread, answers, able, path });
  }

  #key(preemptions: number, last: Seen | null): number {
    const hash = new Hash().add(this.#execution.key);
    for (const { watcher } of this.#watchers) watcher.remember?.(hash);
    if (this.#options.preemptions !== undefined) hash.add(preemptions).add(last?.thread ?? -1);
    return hash.value;
  }

  /** No thread can go on: all are through, or they wait for each other. */
  #end(): void {
    const execution = this.#execution;
    if (!execution.isOver) {
      const waiting = execution.threads.filter(({ at }) => at !== "end").map(({ name }) => name);
      this.#report("deadlock", { sentence: `${waiting.join(" and ")} wait for ever` }, false);
      return;
    }
    const records = execution.finish();
    for (const { property, watcher } of this.#watchers) {
      this.#report(property, watcher.atEnd?.(records) ?? null, true);
    }
    this.#options.onEnd?.(execution);
  }

  #report(property: string, finding: Finding | null, atEnd: boolean): void {
    if (finding === null || this.#violations.has(property)) return;
    const schedule = this.#stack.map(({ current }) => current!);
    this.#violations.set(property, { property, finding, schedule, atEnd });
  }
}

const bitsOf = (threads: readonly number[]): number =>
  threads.reduce((bits, thread) => bits | (1 << thread), 0);

const commute = (a: Asleep, b: Asleep): boolean =>
  (a.touched & b.changed) === 0 && (a.changed & b.touched) === 0;
