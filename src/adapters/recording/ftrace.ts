/** A line of ftrace text: the `trace` file of tracefs. */
export interface FtraceLine {
  /** From 1, in the file. */
  readonly line: number;
  readonly event: string;
  /** What the event prints; for a kprobe without the place where it was hit. */
  readonly text: string;
}

/**
 * `task-pid [cpu] flags time: event: text`; the thread group before the CPU and the flags may be
 * off.
 */
const LINE =
  /^\s*\S.*-\d+\s+(?:\(\s*[-\d]+\)\s+)?\[\d+\]\s+(?:\S{4,5}\s+)?[\d.]+: (\w+): *(.*?)\r?$/;
/** `(function+0x0/0x60)`, with ` [kvm]` where KVM is a module. */
const PROBE_PLACE = /^\(\w+\+0x[^)]*\) ?/;

/** Reads ftrace text. Lines of another form (comments, foreign ones) are counted. */
export function readFtrace(text: string): { lines: FtraceLine[]; foreign: number } {
  const lines: FtraceLine[] = [];
  let foreign = 0;
  for (const [i, raw] of text.split("\n").entries()) {
    const match = LINE.exec(raw);
    if (match !== null) {
      const printed = match[2]!.replace(PROBE_PLACE, "");
      lines.push({ line: i + 1, event: match[1]!, text: printed });
    } else if (raw.trim() !== "" && !raw.startsWith("#")) {
      foreign++;
    }
  }
  return { lines, foreign };
}
