import type { Composition } from "../reference/compose.ts";
import type { Kvm } from "../reference/machine/kvm.ts";
import type { Wait } from "../reference/machine/thread.ts";
import type { WireEvent } from "../adapters/record.ts";

/** Who can be led from one scheduling point to the next. */
export interface Actor {
  readonly name: string;
  /** A scheduling point, "start", "end", or what it waits for. */
  readonly at: string | Wait;
  /** It is not through and waits for nobody. */
  readonly canGoOn: boolean;
  /** Lets it go on to its next stop. */
  goOn(): void;
}

/** The events of one step of a case, or of one operation. */
export interface Logged {
  /** What was done, and what it returned if it is through. */
  readonly text: string;
  readonly events: readonly WireEvent[];
  /** Events before these that were not kept. */
  readonly dropped: number;
}

/** A run of the reference that is led stop by stop. A function of what it is told. */
export interface Run {
  readonly composition: Composition;
  readonly kvm: Kvm;
  readonly actors: readonly Actor[];
  /** Whose turn it is, an index; null if the run is over. */
  readonly turn: number | null;
  /** Why the run cannot go on, or null. */
  readonly failure: string | null;
  readonly log: readonly Logged[];
  /**
   * How far it is: what is behind goes first when two runs go in lock step.
   * @param actor who was chosen to go on, or null if nobody was.
   */
  progress(actor: number | null): number;
  /** Lets whose turn it is go on. */
  goOn(): void;
  /** From now on no order is followed but that of choices; the chosen one goes on if it can. */
  choose(actor: number): void;
}

/** Most events of one step that are kept for readers. */
export const MAX_EVENTS = 400;

export const atText = (at: string | Wait): string =>
  typeof at === "string" ? at : `waits for ${at.waitsFor}`;

/** Whose turn it is if nobody says: who went last, or the first who can. */
export function usualTurn(actors: readonly Actor[], last: number): number | null {
  if (actors[last]?.canGoOn === true) return last;
  const first = actors.findIndex(({ canGoOn }) => canGoOn);
  return first < 0 ? null : first;
}
