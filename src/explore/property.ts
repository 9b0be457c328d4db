import type { EventExpectations, Step } from "../scenario/case.generated.ts";
import type { StepRecord } from "../adapters/record.ts";
import type { Execution, Seen } from "./execution.ts";
import type { Hash } from "./hash.ts";

/** Something that must hold in every state of every execution. */
export interface Property {
  /** Short, in lower case: the name on the command line and in files. */
  readonly id: string;
  /** What must hold, as a sentence without a full stop. */
  readonly title: string;
  /** How a case shows the bad outcome when no result of a step does. */
  readonly inCase?: { readonly events?: EventExpectations; readonly after?: readonly Step[] };
  /** Begins to watch an execution that has taken no step yet. */
  readonly watch: (execution: Execution) => Watcher;
}

/** Watches one execution. It may keep what it needs, and then must say so to `remember`. */
export interface Watcher {
  /** After each step. */
  readonly after?: (seen: Seen) => Finding | null;
  /** When all threads are through, with the records of the steps after them. */
  readonly atEnd?: (records: readonly StepRecord[]) => Finding | null;
  /** What is kept is part of the state. */
  readonly remember?: (hash: Hash) => void;
}

/** What does not hold. */
export interface Finding {
  /** One sentence. */
  readonly sentence: string;
  /** The step whose result shows it, and what that is: for a case that shows it again. */
  readonly shows?:
    | { readonly thread: string; readonly operation: number; readonly expect: object }
    | { readonly after: number; readonly expect: object };
}
