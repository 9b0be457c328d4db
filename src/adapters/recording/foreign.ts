import { isKnownEvent } from "./vocabulary.ts";

/** A line with an event, in another form than the `trace` file of tracefs has by default. */
interface OtherForm {
  readonly form: RegExp;
  /** What it is, and what to change: the rest of a sentence that begins with the line. */
  readonly says: string;
}

const OPTION = "in /sys/kernel/tracing";
const TASK = String.raw`^ *\S.*?-\d+ +(?:\( *[-\d]+\) +)?`;

const FORMS: readonly OtherForm[] = [
  {
    form: /\x1b\[/, // eslint-disable-line no-control-regex
    says: "has colours in it: write the file without them, as with grep --color=never",
  },
  {
    form: new RegExp(String.raw`${TASK}\[\d+\] +(?:\S{4,8} +)?\d+: \w+:`),
    says: `has a count for a time, as the clocks counter and x86-tsc give it: echo local > trace_clock ${OPTION}`,
  },
  {
    form: new RegExp(
      String.raw`${TASK}\d+ ?\S{4,8} +(?:\[[\da-f]+\] +)?[\d.]+(?:us|ms)?\S*(?: \([^)]*\))? ?: +\w+:`,
    ),
    says: `is in the latency format: echo 0 > options/latency-format ${OPTION}`,
  },
  {
    form: /^ *\S.*? +\d+(?:\/\d+)? +\[\d+\] +(?:\S+ +)?\d+\.\d+: +\w+:\w+:/,
    says: "is from perf script, which is not read: record with tracefs or trace-cmd",
  },
  {
    form: /^ *(?:\d+\.\d+ +\| +)?(?:\d+\)|[\d.]+ *[|)]).*(?:\||\/\*)/,
    says: `is from the tracer function_graph: echo nop > current_tracer ${OPTION}`,
  },
];

/** An event without what comes before it. */
const BARE = /^ *(\w+): /;

const NO_CONTEXT = `lacks task, CPU and time: echo 1 > options/context-info ${OPTION}`;

/** Characters of a line that are quoted. */
const QUOTED = 60;

/** What a line is that is not of a trace, as the rest of a sentence; null if that is not known. */
export function otherForm(line: string): string | null {
  const known = FORMS.find(({ form }) => form.test(line));
  if (known !== undefined) return known.says;
  const name = BARE.exec(line)?.[1];
  return name !== undefined && isKnownEvent(name) ? NO_CONTEXT : null;
}

/** The same of any line: one that is not known is quoted. */
export function foreignText(line: string): string {
  return `the line ${otherForm(line) ?? `is none of a trace: ${quoted(line)}`}`;
}

/** The beginning of a text, in quotes. */
export const quoted = (text: string): string =>
  `"${text.length > QUOTED ? `${text.slice(0, QUOTED)}…` : text}"`;
