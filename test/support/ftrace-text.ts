/** Lines of events as the `trace` file of tracefs has them: `commit: (…)` and so on. */
export const ftraceText = (...events: string[]): string =>
  events
    .map((event, i) => `           drive-155   [000] ....     7.${1000 + i}: ${event}\n`)
    .join("");

/** The lines of one command, from its marker to its end; without an answer it has no end. */
export const command = (
  number: number,
  text: string,
  answer: string | null = "",
  events: readonly string[] = [],
): string[] => [
  `tracing_mark_write: CMD ${number} ${text}`,
  ...events,
  ...(answer === null ? [] : [`tracing_mark_write: END ${number} rc 0 ${answer}`]),
];

/** What a probe prints first: where it was hit. */
export const PLACE = "(kvm_some_function+0x0/0x60)";
