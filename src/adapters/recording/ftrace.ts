/** A line of ftrace text that tells an event. */
export interface FtraceEvent {
  /** Process id of the task that it happened in. */
  readonly task: number;
  /** Seconds, as printed. */
  readonly time: number;
  readonly event: string;
  /** What the event prints; for a probe without the place where it was hit. */
  readonly text: string;
  /** The function that a probe was hit in, where it is printed by name. */
  readonly place: string | null;
}

/** What a line may be instead of an event. */
export type FtraceLine =
  | FtraceEvent
  /** A comment or an empty line; `events`: how many events the header says there are. */
  | { readonly comment: true; readonly events?: number; readonly written?: number }
  /** Events were lost here; how many, where that is known. */
  | { readonly lost: number | null }
  | null;

/**
 * `task-pid (thread group) [cpu] flags time: event: text`; thread group and flags may be off. The
 * `trace` file of tracefs and `trace-cmd report` differ in blanks only.
 */
const EVENT = /^ *\S.*?-(\d+) +(?:\( *[-\d]+\) +)?\[\d+\] +(?:\S{4,5} +)?(\d+\.\d+): (\w+): *(.*)$/;
/**
 * What is no `event: text`: `sys_ioctl(fd: 4)`, `sys_ioctl -> 0x0`, a call told by the tracer
 * `function`, a stack; of a stack, more lines follow.
 */
const OTHER =
  /^ *\S.*?-(\d+) +(?:\( *[-\d]+\) +)?\[\d+\] +(?:\S{4,5} +)?(\d+\.\d+): (\w+(?=\(| -> | <-)|<(?:user )?stack trace>)(.*)$/;
const OF_STACK = /^ *=> /;
type Matched = readonly [all: string, task: string, time: string, event: string, printed: string];

/**
 * Where a probe was hit: `(function+0x0/0x60)`, with ` [kvm]` where KVM is a module; on return
 * `(caller+0x29/0x60 <- function)`; by `trace-cmd report` addresses, as `(ffffffff81234567)`.
 */
const PLACE = /^\((?:(\w+)\+0x[\da-f]+\/0x[\da-f]+|[\da-f]{8,})(?: \[\w+\])?( <- [^)]+)?\) ?/;
const LOST = /^CPU:\d+ \[(?:LOST (\d+) EVENTS|(?:(\d+) )?EVENTS DROPPED)\]$/;
const COUNTS = /^# entries-in-buffer\/entries-written: (\d+)\/(\d+)/;
/** How `trace-cmd report` begins. */
const HEADER = /^(?:version = \d+|cpus=\d+|.* is empty\.?|trace-cmd: .*)$/;

/** Reads one line; null for one that is not of a trace. */
export function parseFtrace(raw: string): FtraceLine {
  const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
  const match = EVENT.exec(line) ?? (line.startsWith("#") ? null : OTHER.exec(line));
  if (match !== null) {
    const [, task, time, event, printed] = match as unknown as Matched;
    const place = printed.startsWith("(") ? PLACE.exec(printed) : null;
    return {
      task: Number(task),
      time: Number(time),
      event,
      text: place === null ? printed : printed.slice(place[0].length),
      place: place === null || place[2] !== undefined ? null : (place[1] ?? null),
    };
  }
  if (line.startsWith("#")) {
    const counts = COUNTS.exec(line);
    if (counts === null) return { comment: true };
    return { comment: true, events: Number(counts[1]), written: Number(counts[2]) };
  }
  const lost = LOST.exec(line);
  if (lost !== null) {
    const count = lost[1] ?? lost[2];
    return { lost: count === undefined ? null : Number(count) };
  }
  const isComment = line.trim() === "" || HEADER.test(line) || OF_STACK.test(line);
  return isComment ? { comment: true } : null;
}
