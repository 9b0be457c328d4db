import { foreignText, quoted } from "./foreign.ts";
import { type FtraceEvent, parseFtrace } from "./ftrace.ts";
import type { Recording } from "./recording.ts";
import type { Kind } from "./observation.ts";
import type { Replay } from "./replay.ts";
import { programOf, type Setup, SetupFinder } from "./setup.ts";
import { type Told, Vocabulary } from "./vocabulary.ts";

/** Lines that something is said about: how many, and the first. */
export interface Noted {
  readonly count: number;
  /** Line of the file, from 1; 0 if there is none. */
  readonly first: number;
}

/** What a file is like, whatever it tells. */
export interface TraceFile {
  readonly lines: number;
  /** Lines that tell an event, of whatever kind. */
  readonly events: number;
  /** Lines of the program that tell something. */
  readonly followed: number;
  /** Lines that are none of a trace, or of a known event of the program in an unknown form. */
  readonly foreign: Noted;
  /** What the first line is that is none of a trace, and what to change; null if there is none. */
  readonly foreignText: string | null;
  /** Places where the kernel says that it lost events. */
  readonly lost: Noted;
  /** Lines with a time before that of the line above. */
  readonly reordered: Noted;
  /** Lines about the MMU that other tasks than the program wrote. */
  readonly others: Noted;
  /** Markers of another run, of whichever task. */
  readonly otherRuns: Noted;
  /** Events that the header counts and that are not there. */
  readonly missing: number;
  /** Some of those are missing from the middle, and no line tells where. */
  readonly hasHoles: boolean;
  /** The header says that the beginning was overwritten. */
  readonly overwritten: boolean;
  /** Whether the program came to its end, and all that the header counts is there. */
  readonly isWhole: boolean;
  /** Null when no known program wrote markers. */
  readonly setup: Setup | null;
  /** What the program's lines show at least once. */
  readonly shows: ReadonlySet<Kind>;
  /** Tracepoints that the file shows, whosever they are. */
  readonly tracepoints: ReadonlySet<string>;
  /** Whether the kernel prints the valid generation of shadow pages, and the first line to tell. */
  readonly showsValidGen: { readonly shown: boolean; readonly line: number } | null;
}

/** What tells something, to look in for who drove the kernel; after that many nobody is looked for. */
const LOOKED_AT = 100_000;

/** A line that tells something, or from which on nothing can be compared. */
interface Entry {
  readonly line: number;
  /** Null if it concerns all. */
  readonly task: number | null;
  readonly told: Told;
  /** Why what comes from here on cannot be compared. */
  readonly gap?: string;
}

const AGAIN =
  "the program runs a second time from there; one file is for one run: echo > trace before each";

/**
 * Reads a trace once and lets replays follow it. Memory does not grow with the file.
 * @param start makes the replays when it is known what they need.
 * @param most lines of the program to follow at most: the rest of a longer file is left.
 * @throws UnreadableFile
 */
export async function readTrace(
  recording: Recording,
  start: (setup: Setup) => readonly Replay[],
  most = Infinity,
): Promise<TraceFile> {
  const reader = new TraceReader(start);
  await recording.eachLine((line, number) => {
    reader.line(line, number);
    return reader.followed < most;
  });
  return reader.end();
}

/** The same for a text: one line after the other. */
export class TraceReader {
  /** Lines of the program that told something. */
  followed = 0;
  readonly #start: (setup: Setup) => readonly Replay[];
  readonly #vocabulary = new Vocabulary();
  readonly #finder = new SetupFinder();
  /** Lines that wait until it is known who follows them; null from then on. */
  #waiting: Entry[] | null = [];
  #replays: readonly Replay[] = [];
  #setup: Setup | null = null;
  /** Line of the program's last marker. */
  #ended: number | null = null;

  #lines = 0;
  #events = 0;
  #time = 0;
  readonly #foreign = new Notes();
  #foreignText: string | null = null;
  readonly #lost = new Notes();
  readonly #reordered = new Notes();
  readonly #others = new Notes();
  readonly #otherRuns = new Notes();
  #counted = 0;
  #overwritten = false;
  readonly #shows = new Set<Kind>();
  #showsValidGen: TraceFile["showsValidGen"] = null;

  constructor(start: (setup: Setup) => readonly Replay[]) {
    this.#start = start;
  }

  line(raw: string, number: number): void {
    this.#lines = number;
    const line = parseFtrace(raw);
    if (line === null) {
      this.#foreign.add(number);
      if (this.#foreignText !== null) return;
      this.#foreignText = foreignText(raw);
      this.#gap(number, this.#foreignText);
    } else if ("comment" in line) {
      if (line.events === undefined) return;
      this.#counted += line.events;
      this.#overwritten ||= line.written! > line.events;
    } else if ("lost" in line) {
      this.#lost.add(number);
      this.#gap(number, "events were lost");
    } else {
      this.#event(line, number);
    }
  }

  #event(event: FtraceEvent, number: number): void {
    this.#events++;
    if (event.time < this.#time) this.#reordered.add(number);
    this.#time = event.time;
    const { task } = event;
    const told = this.#vocabulary.tell(event);
    if (told.unread === true) {
      const gap = `${event.event} is in a form that is not known: ${quoted(event.text)}`;
      this.#entry(number, task, told, gap);
    } else if (told.marker ?? told.called ?? told.observation) {
      this.#entry(number, task, told);
    }
  }

  end(): TraceFile {
    this.#begin();
    const missing = Math.max(0, this.#counted - this.#events);
    const isWhole = this.#ended !== null && missing === 0;
    if (isWhole) for (const replay of this.#replays) replay.end(this.#lines);
    return {
      lines: this.#lines,
      events: this.#events,
      followed: this.followed,
      foreign: this.#foreign,
      foreignText: this.#foreignText,
      lost: this.#lost,
      reordered: this.#reordered,
      others: this.#others,
      otherRuns: this.#otherRuns,
      missing,
      // What a foreign line stands for ends the comparison there, what is cut off at the end of it.
      hasHoles: missing > 0 && this.#ended !== null && this.#foreignText === null,
      overwritten: this.#overwritten,
      isWhole,
      setup: this.#setup,
      shows: this.#shows,
      tracepoints: this.#vocabulary.tracepoints,
      showsValidGen: this.#showsValidGen,
    };
  }

  #gap(line: number, gap: string): void {
    if (this.#waiting === null) this.#stop(line, gap);
    // Nothing is compared after the first one.
    else if (this.#waiting.every((entry) => entry.gap === undefined)) {
      this.#waiting.push({ line, task: null, told: {}, gap });
    }
  }

  #entry(line: number, task: number, told: Told, gap?: string): void {
    if (this.#waiting === null) {
      this.#follow(line, task, told, gap);
      return;
    }
    // A copy: what is cut out of a line would keep all that was read with it.
    this.#waiting.push(structuredClone({ line, task, told, ...(gap !== undefined && { gap }) }));
    this.#finder.look(told, task);
    if (this.#finder.isComplete || this.#waiting.length === LOOKED_AT) this.#begin();
  }

  /** It is known, or will not become known, who follows. */
  #begin(): void {
    const waiting = this.#waiting;
    if (waiting === null) return;
    this.#waiting = null;
    this.#setup = this.#finder.found;
    if (this.#setup !== null) this.#replays = this.#start(this.#setup);
    if (this.#overwritten) this.#stop(1, "the beginning was overwritten");
    for (const { line, task, told, gap } of waiting) this.#follow(line, task, told, gap);
  }

  #stop(line: number, why: string): void {
    for (const replay of this.#replays) replay.stop(line, why);
  }

  #follow(line: number, task: number | null, told: Told, gap?: string): void {
    const { marker, observation, showsValidGen } = told;
    const setup = this.#setup;
    if (task !== null && setup !== null && task !== setup.task) {
      this.#others.add(line);
      if (marker !== undefined && programOf(marker) !== null) this.#otherRuns.add(line);
      return;
    }
    if (gap !== undefined) {
      if (task !== null) this.#foreign.add(line);
      this.#stop(line, gap);
    }
    if (setup === null || task === null) return;
    this.followed++;
    if (marker !== undefined) this.#marker(line, marker, setup);
    if (observation !== undefined) this.#shows.add(observation.kind);
    if (showsValidGen !== undefined) this.#showsValidGen ??= { shown: showsValidGen, line };
    for (const replay of this.#replays) replay.take(line, told);
  }

  #marker(line: number, marker: string, { isLast }: Setup): void {
    if (this.#ended !== null && programOf(marker) !== null) {
      this.#otherRuns.add(line);
      for (const replay of this.#replays) {
        // What it does before its first marker came too late to belong to the first run.
        if (!replay.withdraw(this.#ended)) replay.end(line);
      }
      this.#stop(line, AGAIN);
    }
    if (isLast(marker)) this.#ended ??= line;
  }
}

class Notes implements Noted {
  count = 0;
  first = 0;

  add(line: number): void {
    this.first = this.count++ === 0 ? line : Math.min(this.first, line);
  }
}
