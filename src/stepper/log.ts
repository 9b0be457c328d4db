import { eventWords } from "../walkthrough/event-words.ts";
import { type Row, row } from "./row.ts";
import type { Logged } from "./run.ts";

/** Most lines: the last ones. */
const MAX_LINES = 300;

/** The event log as rows: what was done, and below it what happened. */
export function logRows(log: readonly Logged[]): Row[] {
  const rows = log.flatMap(({ text, events, dropped }, i) => {
    const seen = new Map<string, number>();
    const keyOf = (words: string): string => {
      const nth = (seen.get(words) ?? 0) + 1;
      seen.set(words, nth);
      return `${i}.${nth}.${words}`;
    };
    const before = dropped === 0 ? [] : [`${dropped} events before these`];
    const lines = [...before, ...events.map(eventWords)];
    return [
      row(`${i}.${text}`, text),
      ...lines.map((words) => row(keyOf(words), words, { depth: 1 })),
    ];
  });
  return rows.slice(-MAX_LINES);
}
