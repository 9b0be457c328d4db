import { parseFtrace } from "./ftrace.ts";
import { eachLine } from "./lines.ts";
import type { Kind } from "./observation.ts";
import type { Replay } from "./replay.ts";
import { type Setup, SetupFinder } from "./setup.ts";
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
  /** Lines that are none of a trace, or of a known event in an unknown form. */
  readonly foreign: Noted;
  /** Places where the kernel says that it lost events. */
  readonly lost: Noted;
  /** Lines with a time before that of the line above. */
  readonly reordered: Noted;
  /** Lines about the MMU that other tasks than the program wrote. */
  readonly others: Noted;
  /** Events that the header counts and that are not there. */
  readonly missing: number;
  /** The header says that the beginning was overwritten. */
  readonly overwritten: boolean;
  /** Whether the program came to its end, and all that the header counts is there. */
  readonly isWhole: boolean;
  /** Null when no known program wrote markers. */
  readonly setup: Setup | null;
  /** What the program's lines show at least once. */
  readonly shows: ReadonlySet<Kind>;
  /** Whether the kernel prints the valid generation of shadow pages, and the first line to tell. */
  readonly showsValidGen: { readonly shown: boolean; readonly line: number } | null;
}

/** Lines to look for who drove the kernel; after that many it is not searched for any more. */
const LOOKED_AT = 100_000;

/**
 * Reads a trace once and lets replays follow it. Memory does not grow with the file.
 * @param start makes the replays when it is known what they need.
 * @param most lines to read at most: the rest of a longer file is left.
 * @throws UnreadableFile
 */
export async function readTrace(
  file: string,
  start: (setup: Setup) => readonly Replay[],
  most = Infinity,
): Promise<TraceFile> {
  const reader = new TraceReader(start);
  await eachLine(file, (line, number) => {
    reader.line(line, number);
    return number < most;
  });
  return reader.end();
}

/** The same for a text: one line after the other. */
export class TraceReader {
  readonly #start: (setup: Setup) => readonly Replay[];
  readonly #vocabulary = new Vocabulary();
  readonly #finder = new SetupFinder();
  /** Lines that wait until it is known who follows them, or lost events; null from then on. */
  #waiting: { line: number; told: Told | null; task: number }[] | null = [];
  #replays: readonly Replay[] = [];
  #setup: Setup | null = null;
  #ended = false;

  #lines = 0;
  #events = 0;
  #time = 0;
  readonly #foreign = new Notes();
  readonly #lost = new Notes();
  readonly #reordered = new Notes();
  readonly #others = new Notes();
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
    } else if ("comment" in line) {
      if (line.events === undefined) return;
      this.#counted += line.events;
      this.#overwritten ||= line.written! > line.events;
    } else if ("lost" in line) {
      this.#lost.add(number);
      if (this.#waiting === null) this.#stop(number);
      else this.#waiting.push({ line: number, told: null, task: 0 });
    } else {
      this.#events++;
      if (line.time < this.#time) this.#reordered.add(number);
      this.#time = line.time;
      const told = this.#vocabulary.tell(line);
      if (told.unread === true) this.#foreign.add(number);
      else if (told.marker ?? told.called ?? told.observation) this.#told(number, told, line.task);
    }
    if (number === LOOKED_AT) this.#begin();
  }

  end(): TraceFile {
    this.#begin();
    const missing = Math.max(0, this.#counted - this.#events);
    const isWhole = this.#ended && missing === 0;
    if (isWhole) for (const replay of this.#replays) replay.end(this.#lines);
    return {
      lines: this.#lines,
      events: this.#events,
      foreign: this.#foreign,
      lost: this.#lost,
      reordered: this.#reordered,
      others: this.#others,
      missing,
      overwritten: this.#overwritten,
      isWhole,
      setup: this.#setup,
      shows: this.#shows,
      showsValidGen: this.#showsValidGen,
    };
  }

  #told(line: number, told: Told, task: number): void {
    if (this.#waiting === null) {
      this.#follow(line, told, task);
      return;
    }
    this.#waiting.push({ line, told, task });
    this.#finder.look(told, task);
    if (this.#finder.isComplete) this.#begin();
  }

  /** It is known, or will not become known, who follows. */
  #begin(): void {
    const waiting = this.#waiting;
    if (waiting === null) return;
    this.#waiting = null;
    this.#setup = this.#finder.found;
    if (this.#setup === null) return;
    this.#replays = this.#start(this.#setup);
    if (this.#overwritten) {
      for (const replay of this.#replays) replay.stop(1, "the beginning was overwritten");
    }
    for (const { line, told, task } of waiting) {
      if (told === null) this.#stop(line);
      else this.#follow(line, told, task);
    }
  }

  #stop(line: number): void {
    for (const replay of this.#replays) replay.stop(line, "events were lost");
  }

  #follow(line: number, told: Told, task: number): void {
    if (this.#setup === null) return;
    if (task !== this.#setup.task) {
      this.#others.add(line);
      return;
    }
    const { marker, observation, showsValidGen } = told;
    if (marker !== undefined && this.#setup.isLast(marker)) this.#ended = true;
    if (observation !== undefined) this.#shows.add(observation.kind);
    if (showsValidGen !== undefined) this.#showsValidGen ??= { shown: showsValidGen, line };
    for (const replay of this.#replays) replay.take(line, told);
  }
}

class Notes implements Noted {
  count = 0;
  first = 0;

  add(line: number): void {
    if (this.count++ === 0) this.first = line;
  }
}
