import { eventWords } from "../walkthrough/event-words.ts";
import { type Row, row } from "./row.ts";
import type { Logged } from "./run.ts";

/** Most lines: the last ones. */
const MAX_LINES = 60;

/** The event log as rows: what was done, and below it what happened. */
export function logRows(log: readonly Logged[]): readonly Row[] {
  let rows = known.get(log);
  if (rows === undefined) known.set(log, (rows = rowsOf(log)));
  return rows;
}

const known = new WeakMap<readonly Logged[], readonly Row[]>();

function rowsOf(log: readonly Logged[]): Row[] {
  // What is left out in the end need not be put in words: each entry has at least one line.
  const first = Math.max(0, log.length - MAX_LINES);
  const rows = log.slice(first).flatMap(({ text, events, dropped }, n) => {
    const i = first + n;
    const seen = new Map<string, number>();
    const keyOf = (words: string): string => {
      const nth = (seen.get(words) ?? 0) + 1;
      seen.set(words, nth);
      return `${i}.${nth}.${words}`;
    };
    const before = dropped === 0 ? [] : [`${dropped} events before these`];
    const lines = [...before, ...events.slice(-MAX_LINES).map(eventWords)];
    return [
      row(`${i}.${text}`, text),
      ...lines.map((words) => row(keyOf(words), words, { depth: 1 })),
    ];
  });
  return rows.slice(-MAX_LINES);
}
