import type { Machine, Step } from "../scenario/case.generated.ts";

/** What is explored: threads that may run in any order, in a VM that was prepared. */
export interface Scenario {
  readonly machine: Machine;
  /** Performed one after the other before the threads start. */
  readonly setup: readonly Step[];
  /** Steps of each thread, by its name. */
  readonly threads: Readonly<Record<string, readonly ThreadStep[]>>;
  /** Performed one after the other when all threads are through. */
  readonly after: readonly Step[];
  /** Somebody may want the CPU, or the lock, whenever a walk asks; not at all if left out. */
  readonly contention?: Contention;
  /** Threads that begin again whenever they are through: vCPUs that go on running. */
  readonly forever: readonly string[];
}

/** A step that a thread may take: one operation. */
export type ThreadStep = Exclude<Step, { do: "threads" } | { do: "repeat" }>;

/** A choice of the search: yes or no at each question that a walk asks. */
export interface Contention {
  readonly who: "cpu" | "lock";
  /** How often at most the answer may be yes. */
  readonly breaks: number;
}
