import { KernelBug } from "./failures.ts";

/**
 * Threads without threads. An operation that can be interrupted is a generator; it yields where a
 * thread may be stopped (a scheduling point) or must wait. A driver decides who goes on: `runToEnd`
 * here, a case's schedule or the explorer elsewhere. A run is a function of its inputs: there is no
 * clock and no randomness.
 */

/**
 * The places where a thread may be stopped, in the order in which a region call and an access meet
 * them.
 */
export const POINTS = [
  "memslots.published",
  "memslots.synchronized",
  "memslots.generation",
  "memslots.arch-updated",
  "guest.enter",
  "slot.looked-up",
  "cache.fill",
  "spte.mark",
  "spte.check",
  "emulate",
  "mmu_lock.acquire",
  "mmu_lock.break",
] as const;
export type Point = (typeof POINTS)[number];

/** A thread that cannot go on before something happens. */
export interface Wait {
  readonly waitsFor: "mmu_lock" | "slots_lock" | "srcu" | "mmu_notifier";
  readonly ready: () => boolean;
}

export type Stop = Point | Wait;

/** An operation in progress: yields its stops, returns its result. */
export type Task<Result> = Generator<Stop, Result, void>;

/** Stops in one operation after which a thread counts as running for ever. */
export const MAX_STOPS = 2 ** 22;

/**
 * Runs a task alone to its end. @throws KernelBug when it waits for what nobody else is there to
 * do, or has no end.
 */
export function runToEnd<Result>(task: Task<Result>): Result {
  for (let stops = 0; stops < MAX_STOPS; stops++) {
    const step = task.next();
    if (step.done === true) return step.value;
    if (typeof step.value !== "string" && !step.value.ready()) {
      throw new KernelBug(`deadlock: the only thread waits for ${step.value.waitsFor}`);
    }
  }
  throw new KernelBug("a thread does not come to an end");
}
