/**
 * What was observed while a case ran, in the vocabulary of the wire: 64-bit values, gfns and
 * addresses as hex strings.
 */

/** A value as it goes over the wire. */
export type WireValue = string | number | boolean;

/** An event: its name and its fields. Fields of a shadow page stand beside the event's own. */
export type WireEvent = { readonly event: string } & Readonly<
  Record<string, WireValue | readonly WireValue[]>
>;

/** What a step returned. */
export type StepResult = Readonly<Record<string, unknown>>;

export interface StepRecord {
  readonly result: StepResult;
  /** The events during the step, in order. */
  readonly events: readonly WireEvent[];
  /** A `threads` step: the records of each thread's steps, and where each schedule item ended. */
  readonly threads?: Readonly<Record<string, readonly StepRecord[]>>;
  readonly stops?: readonly ScheduleStop[];
  /** A `repeat` step: one list for each time, kept only if the steps carry expectations. */
  readonly repetitions?: readonly (readonly StepRecord[])[];
}

/** Where a thread stopped that the schedule let run. */
export interface ScheduleStop {
  readonly run: string;
  /** A point, "blocked" or "end". */
  readonly at: string;
  /** Whether that is what the schedule asked for. */
  readonly reached: boolean;
}

export interface CaseRecord {
  readonly id: string;
  readonly steps: readonly StepRecord[];
  /** The run ended before its time: what happened, at which step (JSON pointer). */
  readonly failure?: RunFailure;
}

export interface RunFailure {
  readonly pointer: string;
  readonly message: string;
  /** Why there is no verdict about the kernel; left out if the kernel itself gave up. */
  readonly kind?: "crashed" | "timed-out" | "protocol-error" | "not-assessed";
  /** The last lines of the implementation's stderr. */
  readonly log?: readonly string[];
}

export const hex = (value: bigint | number): string => `0x${value.toString(16)}`;
