import type { RunFailure } from "../record.ts";

type FailureKind = NonNullable<RunFailure["kind"]>;

/** The implementation stopped taking part in the conversation. The message is one sentence. */
export class ConversationError extends Error {
  override readonly name = "ConversationError";
  readonly kind: FailureKind;
  /** The last lines of its stderr. */
  readonly log: readonly string[];

  constructor(kind: FailureKind, message: string, log: readonly string[] = []) {
    super(message);
    this.kind = kind;
    this.log = log;
  }
}

/** The implementation itself says that it cannot go on with a case: error -32000. */
export class GivesUp extends Error {
  override readonly name = "GivesUp";
}
