import type { Counters, Kvm } from "./kvm.ts";
import { type Task } from "./thread.ts";

/**
 * When somebody begins to want `mmu_lock` or the CPU: always, never, from the nth question on until
 * a break, or whenever `ask` says so. After a break a walk that started again from its head gets as far as one page
 * before `always` wants again: a walk that asks before each page would not move otherwise.
 */
export type ContentionWhen =
  | "always"
  | "never"
  | { readonly at: readonly number[] }
  | { readonly ask: (question: number) => boolean };

/** Who wants: the CPU (a rescheduling), or `mmu_lock` (counts only with CONFIG_PREEMPT). */
export type ContentionWho = "cpu" | "lock";

/**
 * `mmu_lock` and those who want it or the CPU. A walk asks now and then whether anybody does; a
 * want that has arisen stays until the lock was dropped once.
 */
export class MmuLock {
  held = false;
  /** Threads that wait for the lock. */
  waiters = 0;
  #who: ContentionWho = "cpu";
  #when: ContentionWhen = "never";
  #questions = 0;
  #wanted = false;
  /** Counters at the last break. */
  #atBreak = { prepares: -1, walk_restarts: -1 };

  contend(who: ContentionWho, when: ContentionWhen): void {
    this.#who = who;
    this.#when = when;
    this.#questions = 0;
    this.#wanted = false;
  }

  /** need_resched() || spin_needbreak(): one question. */
  wanted({ machine: { preempt }, counters }: Kvm): boolean {
    this.#questions++;
    if (typeof this.#when === "object") this.#wanted ||= this.#begins(this.#when);
    const wanted = this.#when === "always" ? this.#hasMoved(counters) : this.#wanted;
    if (wanted && (this.#who === "cpu" || preempt)) return true;
    return preempt && this.waiters > 0;
  }

  dropped({ prepares, walk_restarts }: Counters): void {
    this.#wanted = false;
    this.#atBreak = { prepares, walk_restarts };
  }

  /**
   * What the answers to come depend on: whether somebody wants it now, how many questions are left
   * until nobody begins to any more, and what `always` has seen since the last break.
   */
  outlook({ prepares, walk_restarts }: Counters): readonly [boolean, number, boolean, boolean] {
    const when = this.#when;
    const left = typeof when === "object" && "at" in when ? this.#left(when.at) : 0;
    const { prepares: zapped, walk_restarts: started } = this.#atBreak;
    const asks = when === "always";
    return [this.#wanted, left, asks && prepares !== zapped, asks && walk_restarts === started];
  }

  /** How many questions are left until the last one at which somebody begins to want it. */
  #left(at: readonly number[]): number {
    return Math.max(0, Math.max(0, ...at) - this.#questions);
  }

  #begins(when: Exclude<ContentionWhen, string>): boolean {
    const question = this.#questions;
    return "at" in when ? when.at.includes(question) : when.ask(question);
  }

  #hasMoved({ prepares, walk_restarts }: Counters): boolean {
    return prepares !== this.#atBreak.prepares || walk_restarts === this.#atBreak.walk_restarts;
  }
}

/** Takes `mmu_lock`; the thread may be stopped before, and waits while another holds it. */
export function* spin_lock(kvm: Kvm): Task<void> {
  if (kvm.stoppable) yield "mmu_lock.acquire";
  yield* acquire(kvm.mmu_lock);
}

function* acquire(lock: MmuLock): Task<void> {
  if (lock.held) {
    lock.waiters++;
    const ready = (): boolean => !lock.held;
    while (!ready()) yield { waitsFor: "mmu_lock", ready };
    lock.waiters--;
  }
  lock.held = true;
}

export function spin_unlock(kvm: Kvm): void {
  kvm.mmu_lock.held = false;
}

/** Whether rescheduling is wanted, without dropping the lock. */
export const need_resched_or_break = (kvm: Kvm): boolean => kvm.mmu_lock.wanted(kvm);

/**
 * Drops and retakes `mmu_lock` if somebody wants it or the CPU. @returns whether it did
 * (linux/sched.h).
 */
export function* cond_resched_lock(kvm: Kvm): Task<boolean> {
  if (!need_resched_or_break(kvm)) return false;
  kvm.ops.beforeLockBreak(kvm);
  kvm.mmu_lock.dropped(kvm.counters);
  kvm.counters.lock_breaks++;
  kvm.log?.push({ event: "lock_break" });
  spin_unlock(kvm);
  yield "mmu_lock.break";
  yield* acquire(kvm.mmu_lock);
  return true;
}
