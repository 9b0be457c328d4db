import type { StepRecord } from "../adapters/record.ts";
import type { RepeatStep } from "../scenario/case.generated.ts";
import type { Actor } from "./run.ts";

/** Repetitions from one stop to the next: few enough that a reader does not wait. */
export const REPETITIONS_AT_ONCE = 32;

/** The repetitions of a step, many between two stops. */
export class Repetitions implements Actor {
  readonly name = "";
  /** Of each time; kept only on demand. */
  readonly records: StepRecord[][] = [];
  readonly #step: RepeatStep;
  readonly #perform: (step: RepeatStep["steps"][number]) => StepRecord;
  readonly #keep: boolean;
  #times = 0;

  /** @param keep whether what each time showed is wanted. */
  constructor(
    step: RepeatStep,
    perform: (step: RepeatStep["steps"][number]) => StepRecord,
    keep: boolean,
  ) {
    this.#step = step;
    this.#perform = perform;
    this.#keep = keep;
  }

  get at(): string {
    if (this.#times === 0) return "start";
    return this.canGoOn ? `${this.#times} of ${this.#step.times} times` : "end";
  }

  get canGoOn(): boolean {
    return this.#times < this.#step.times;
  }

  goOn(): void {
    const until = Math.min(this.#step.times, this.#times + REPETITIONS_AT_ONCE);
    for (; this.#times < until; this.#times++) {
      const records = this.#step.steps.map(this.#perform);
      if (this.#keep) this.records.push(records);
    }
  }
}
