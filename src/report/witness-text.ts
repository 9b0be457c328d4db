import type { WitnessRow } from "../explore/witness.ts";
import { fit, WIDTH, wrap } from "./table.ts";

/** Widest column of what is true after a step, in characters. */
const STATE = 26;

/**
 * A witness as a table: one column a thread, time downwards. In the column of the thread that goes
 * on stands the kernel function, and below it what it does; at the right what is true afterwards.
 */
export function witnessText(threads: readonly string[], rows: readonly WitnessRow[]): string[] {
  const width = Math.floor((WIDTH - STATE - 4) / threads.length) - 2;
  const line = (cells: readonly string[], state: string): string =>
    `    ${cells.map((cell) => fit(cell, width)).join("  ")}  ${fit(state, STATE)}`.trimEnd();
  const lines = [
    line(threads, "generations of the sets"),
    line(
      threads.map(() => "─".repeat(width)),
      "─".repeat(STATE),
    ),
  ];
  rows.forEach((row, i) => {
    const number = fit(String(i + 1), 4);
    const text = [row.function, ...row.events, row.to === "end" ? "is through" : `→ ${row.to}`];
    const cells = text.flatMap((part, n) =>
      wrap(n === 0 ? part : `  ${part}`.trim(), width - 2).map((piece) =>
        n === 0 ? piece : `  ${piece}`,
      ),
    );
    cells.forEach((cell, n) => {
      const columns = threads.map((thread) => (thread === row.thread ? cell : ""));
      const whole = line(columns, n === 0 ? row.state : "");
      lines.push(n === 0 ? number + whole.slice(4) : whole);
    });
  });
  return lines;
}

/** The same as a Markdown table. */
export function witnessMarkdown(threads: readonly string[], rows: readonly WitnessRow[]): string[] {
  const cell = (text: string): string => text.replaceAll("|", "\\|");
  return [
    `| | ${threads.join(" | ")} | generations |`,
    `| --- | ${threads.map(() => "---").join(" | ")} | --- |`,
    ...rows.map((row, i) => {
      const to = row.to === "end" ? "is through" : `→ \`${row.to}\``;
      const text = [`\`${row.function}\``, ...row.events.map(cell), to].join("<br>");
      const cells = threads.map((thread) => (thread === row.thread ? text : ""));
      return `| ${i + 1} | ${cells.join(" | ")} | ${row.state} |`;
    }),
  ];
}
