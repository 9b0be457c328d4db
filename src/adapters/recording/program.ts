import type { Kind, Observation } from "./observation.ts";

/** What a marker of a program tells; nothing at all if it says nothing about the VM. */
export interface Step {
  /** What was going on is over. */
  readonly ends?: true;
  /** What the program says came of it, if it does: of the kernel's run and of the model's. */
  readonly answer?: { readonly kernel: string; readonly model: string };
  /** Something begins, in words. */
  readonly begins?: string;
}

/**
 * A program that drove a kernel: it performs on the model what its recording tells that it did.
 */
export interface Program {
  /** What its recordings show. */
  readonly kinds: ReadonlySet<Kind>;
  /** What it has done before its first marker, in words; the model has done it. */
  readonly before?: string;
  /** @throws NotReplayable */
  marker(text: string): Step;
  /**
   * Does the next part of what has begun, if that has parts, so that nobody need remember all that
   * a long command makes happen. @returns false if there is none. @throws NotReplayable
   */
  proceed(): boolean;
  /**
   * The kernel did something for which no marker gives the reason.
   * @returns what it shows to have come from the guest, in words, done by the model now; or null.
   */
  unprompted(seen: Observation): string | null;
}

/** The recording tells something that cannot be done on the model. One sentence. */
export class NotReplayable extends Error {
  override readonly name = "NotReplayable";
}
