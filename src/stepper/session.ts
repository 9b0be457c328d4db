import type { Case } from "../scenario/case.generated.ts";
import { CaseRun } from "./case-run.ts";
import type { Side } from "./composition.ts";
import { changedEntry } from "./cursor.ts";
import { FreeRun } from "./free-run.ts";
import type { OwnMachine, OwnStep } from "./operation.ts";
import type { Run } from "./run.ts";
import { type View, viewOf } from "./view.ts";

/** What is run: a case, or operations of one's own. */
export type Subject =
  | { readonly scenario: Case }
  | { readonly machine: OwnMachine; readonly operations: readonly OwnStep[] };

/** One move: who was chosen to go on, an index; null for whose turn it was. */
export type Move = number | null;

/** Most moves: a run that has not ended by then need not end at all. */
export const MAX_MOVES = 20_000;

/** A place in a run: what is seen there, and the move that led to it. */
interface Frame {
  readonly views: readonly View[];
  readonly move: Move;
  /** The entry that changed last. */
  readonly entry: string | null;
}

/**
 * One or two compositions that do the same in lock step, forwards and backwards. Where they are is
 * a function of the moves so far.
 */
export class Session {
  readonly sides: readonly Side[];
  readonly subject: Subject;
  readonly #frames: Frame[] = [];
  /** At the last frame. */
  #runs: readonly Run[];
  #position = 0;

  /** Begins, and makes these moves. */
  constructor(sides: readonly Side[], subject: Subject, moves: readonly Move[] = []) {
    this.sides = sides;
    this.subject = subject;
    this.#runs = this.#begin();
    this.#frames.push({ views: this.#runs.map(viewOf), move: null, entry: null });
    for (const move of moves) if (!this.forward(move)) break;
  }

  /** Moves so far. */
  get position(): number {
    return this.#position;
  }

  /** What led here. */
  get moves(): readonly Move[] {
    return this.#frames.slice(1, this.#position + 1).map(({ move }) => move);
  }

  /** What is seen here, on each side. */
  get views(): readonly View[] {
    return this.#frames[this.#position]!.views;
  }

  /** What was seen one move before; null at the start. */
  get viewsBefore(): readonly View[] | null {
    return this.#frames[this.#position - 1]?.views ?? null;
  }

  /** The key of the entry that changed last, or null. */
  get entry(): string | null {
    return this.#frames[this.#position]!.entry;
  }

  /** How far the side is that is behind: steps of a case, or operations that have begun. */
  get place(): number {
    const { views } = this;
    if ("scenario" in this.subject) return Math.min(...views.map(({ step }) => step));
    return Math.min(...views.map(({ log }) => log.length));
  }

  /**
   * One move forward.
   * @param chosen who is to go on; if left out, who went on here before, or whose turn it is.
   * @returns false if nobody can.
   */
  forward(chosen: Move = null): boolean {
    const known = this.#frames[this.#position + 1];
    if (known !== undefined && (chosen === null || chosen === known.move)) {
      this.#position++;
      return true;
    }
    if (this.#position >= MAX_MOVES) return false;
    this.#forgetLater();
    const move = this.#normal(chosen);
    if (!this.#move(move)) return false;
    const views = this.#runs.map(viewOf);
    this.#frames.push({ views, move, entry: changedEntry(views, this.views) ?? this.entry });
    this.#position++;
    return true;
  }

  /** One move back. @returns false at the start. */
  back(): boolean {
    if (this.#position === 0) return false;
    this.#position--;
    return true;
  }

  /** To a place where this session has been. */
  goTo(position: number): void {
    this.#position = Math.max(0, Math.min(position, this.#frames.length - 1));
  }

  #begin(): readonly Run[] {
    const { subject } = this;
    return this.sides.map(({ composition }) =>
      "scenario" in subject
        ? new CaseRun(composition, subject.scenario)
        : new FreeRun(composition, subject.machine, subject.operations),
    );
  }

  /** Another way is taken from here: the runs are made again up to here. */
  #forgetLater(): void {
    if (this.#position === this.#frames.length - 1) return;
    this.#frames.length = this.#position + 1;
    this.#runs = this.#begin();
    for (const { move } of this.#frames.slice(1)) this.#move(move);
  }

  /** A choice of whose turn it is anyway is none, unless later operations could change the turn. */
  #normal(chosen: Move): Move {
    const turns = this.#runs.flatMap(({ turn }) => turn ?? []);
    if (!("scenario" in this.subject)) return chosen ?? turns[0] ?? null;
    return turns.every((turn) => turn === chosen) ? null : chosen;
  }

  /** The sides that are behind move. */
  #move(move: Move): boolean {
    const able = this.#runs.filter(({ turn, actors }) =>
      move === null ? turn !== null : turn !== null && actors[move]?.canGoOn === true,
    );
    if (able.length === 0) return false;
    const behind = Math.min(...able.map((run) => run.progress(move)));
    for (const run of able.filter((each) => each.progress(move) === behind)) {
      if (move === null) run.goOn();
      else run.choose(move);
    }
    return true;
  }
}
