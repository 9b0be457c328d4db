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

/** The kernel under test cannot go on with a case, as its implementation says: error -32000. */
export class GivesUp extends Error {
  override readonly name = "GivesUp";
}

/**
 * An implementation finds in the middle of a case that it cannot do or see what the case needs:
 * error -32001. The message is what is missing, as after "for want of".
 */
export class CannotAssess extends Error {
  override readonly name = "CannotAssess";
}
