import type { Point, Stop, Task, Wait } from "../../src/reference/machine/thread.ts";

/** A task that a test runs piece by piece, as a scheduler would run a thread among others. */
export class Thread<Result> {
  readonly #task: Task<Result>;
  #wait: Wait | null = null;
  #ended: { readonly result: Result } | null = null;

  constructor(task: Task<Result>) {
    this.#task = task;
  }

  /** Runs up to a scheduling point. @throws Error when the thread does not get there. */
  until(point: Point): this {
    for (;;) {
      const stop = this.#step();
      if (stop === point) return this;
      if (stop === "end") throw new Error(`the thread ended before ${point}`);
      if (stop === "blocked") throw new Error(`the thread is blocked before ${point}`);
    }
  }

  /** Runs until the thread can go no further. @returns what it waits for, or "end". */
  asFarAsPossible(): Wait["waitsFor"] | "end" {
    for (;;) {
      const stop = this.#step();
      if (stop === "end") return stop;
      if (stop === "blocked") return this.#wait!.waitsFor;
    }
  }

  /** Runs to the end. @throws Error when the thread waits for another one. */
  finish(): Result {
    const at = this.asFarAsPossible();
    if (this.#ended === null) throw new Error(`the thread waits for ${at}`);
    return this.#ended.result;
  }

  /** The points passed on the way to the end. @throws Error when the thread waits. */
  points(): Point[] {
    const passed: Point[] = [];
    for (;;) {
      const stop = this.#step();
      if (stop === "end") return passed;
      if (stop === "blocked") throw new Error(`the thread waits for ${this.#wait!.waitsFor}`);
      if (stop !== "ready") passed.push(stop);
    }
  }

  #step(): Point | "ready" | "blocked" | "end" {
    if (this.#ended !== null) return "end";
    if (this.#wait !== null && !this.#wait.ready()) return "blocked";
    this.#wait = null;
    const step: IteratorResult<Stop, Result> = this.#task.next();
    if (step.done === true) {
      this.#ended = { result: step.value };
      return "end";
    }
    if (typeof step.value === "string") return step.value;
    this.#wait = step.value;
    return "ready";
  }
}
