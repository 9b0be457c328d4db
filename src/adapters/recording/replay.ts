import type { Composition } from "../../reference/compose.ts";
import { KernelBug, ModelBug } from "../../reference/machine/failures.ts";
import {
  FUNCTIONS,
  isSame,
  type Kind,
  type LeftOut,
  type Observation,
  observationText,
} from "./observation.ts";
import { NotReplayable, type Program } from "./program.ts";
import type { Setup } from "./setup.ts";
import type { Told } from "./vocabulary.ts";
import { Vm } from "./vm.ts";

/** The first point at which model and kernel part. */
export interface Divergence {
  /** Line of the recording. */
  readonly line: number;
  /** What was going on, in the words of the program: `del 0 1`. */
  readonly during: string;
  readonly kernel: string;
  readonly model: string;
  /** What the model did and the kernel did not show; null if that is no observation. */
  readonly expected: Kind | null;
  /** The kernel function that did, or should have done, something else. */
  readonly function: string;
  /** The function that a probe saw called last before it, in the same step. */
  readonly within: string | null;
}

const NOTHING = "nothing more";

/**
 * One composition of the reference, driven by a recording: what came from outside is done to it,
 * and what the kernel did inside must be what it does, event for event.
 */
export class Replay {
  readonly composition: Composition;
  /** Observations of the kernel that the model matched, in order. */
  matched = 0;
  divergence: Divergence | null = null;
  /** Why the rest of the recording could not be followed. */
  notReplayable: { readonly line: number; readonly why: string } | null = null;

  readonly #vm: Vm;
  readonly #program: Program;
  readonly #leftOut: LeftOut;
  /** What is going on, in words; null between commands. */
  #during: string | null;
  #expected: readonly Observation[] = [];
  #next = 0;
  #within: string | null = null;

  constructor(composition: Composition, { paging, program }: Setup, leftOut: LeftOut) {
    this.composition = composition;
    this.#leftOut = leftOut;
    this.#vm = new Vm(composition, paging);
    this.#program = program(this.#vm);
    this.#during = this.#program.before ?? null;
    this.#expectWhatHappened();
  }

  /** Whether there is more to compare. */
  get goesOn(): boolean {
    return this.divergence === null && this.notReplayable === null;
  }

  /** The next line. */
  take(line: number, { marker, observation, called }: Told): void {
    if (!this.goesOn) return;
    try {
      if (marker !== undefined) this.#marker(line, marker);
      else if (observation !== undefined) this.#observation(line, observation);
      if (called !== undefined) this.#within = called;
    } catch (error) {
      if (error instanceof NotReplayable) {
        this.stop(line, error.message);
      } else if (error instanceof KernelBug || error instanceof ModelBug) {
        this.#diverge(line, null, { text: `${error.name}: ${error.message}` });
      } else {
        throw error;
      }
    }
  }

  /** What comes from here on cannot be judged. */
  stop(line: number, why: string): void {
    if (this.goesOn) this.notReplayable = { line, why };
  }

  /** What differed after a line is not its doing. @returns whether something did. */
  withdraw(from: number): boolean {
    if (this.divergence === null || this.divergence.line <= from) return false;
    this.divergence = null;
    return true;
  }

  /** The recording is over, and not cut off: what is expected still will not come. */
  end(line: number): void {
    if (!this.goesOn) return;
    this.#proceed();
    this.#mustBeOver(line);
  }

  #marker(line: number, text: string): void {
    this.#proceed();
    const step = this.#program.marker(text);
    if (step.ends === true) this.#mustBeOver(line);
    if (!this.goesOn) return;
    const { answer } = step;
    if (answer !== undefined && answer.kernel !== answer.model) {
      const [kernel, model] = [answer.kernel, answer.model].map((said) => ({
        text: `the end of the command: ${said}`,
      }));
      this.#diverge(line, kernel!, model!);
      return;
    }
    if (step.ends === true) this.#during = null;
    if (step.begins === undefined) return;
    this.#during = step.begins;
    this.#within = null;
    this.#expectWhatHappened();
    this.#proceed();
  }

  #observation(line: number, seen: Observation): void {
    if (this.#during === null || !this.#program.kinds.has(seen.kind)) return;
    if (this.#leftOut.has(seen.kind)) return;
    this.#proceed();
    if (this.#next === this.#expected.length) {
      const what = this.#program.unprompted(seen);
      if (what !== null) {
        this.#during = what;
        this.#within = null;
        this.#expectWhatHappened();
      }
    }
    const expected = this.#expected[this.#next];
    if (expected !== undefined && isSame(seen, expected, this.#leftOut)) {
      this.#next++;
      this.matched++;
      return;
    }
    this.#diverge(line, told(seen), expected === undefined ? null : told(expected, seen));
  }

  /** Goes on with what has begun, until it makes something happen. */
  #proceed(): void {
    while (this.#next === this.#expected.length && this.#program.proceed()) {
      this.#expectWhatHappened();
    }
  }

  #expectWhatHappened(): void {
    const { kinds } = this.#program;
    this.#expected = this.#vm
      .takeHappened()
      .filter(({ kind }) => kinds.has(kind) && !this.#leftOut.has(kind));
    this.#next = 0;
  }

  #mustBeOver(line: number): void {
    const expected = this.#expected[this.#next];
    if (expected !== undefined) this.#diverge(line, null, told(expected));
  }

  #diverge(line: number, kernel: Side | null, model: Side | null): void {
    const of = model?.kind ?? kernel?.kind;
    this.divergence = {
      line,
      during: this.#during ?? "",
      kernel: kernel?.text ?? NOTHING,
      model: model?.text ?? NOTHING,
      expected: model?.kind ?? null,
      function: of === undefined ? (this.#within ?? "") : FUNCTIONS[of],
      within: this.#within,
    };
  }
}

interface Side {
  readonly text: string;
  readonly kind?: Kind;
}

/** What is said of an observation: of the model's, no more than the kernel's line tells. */
function told({ kind, fields }: Observation, as?: Observation): Side {
  if (as?.kind !== kind) return { kind, text: observationText({ kind, fields }) };
  const names = Object.keys(fields).filter((name) => name in as.fields);
  const same = Object.fromEntries(names.map((name) => [name, fields[name]!]));
  return { kind, text: observationText({ kind, fields: same }) };
}
