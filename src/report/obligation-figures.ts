import { type Checked, type Obligation, subjectText } from "../explore/obligation.ts";

/** One search of an obligation, as a row of a Markdown table. */
export const figuresLine = (
  { id }: Obligation,
  { subject, reached, result: { executions, states } }: Checked,
): string =>
  `| ${id} | ${subjectText(subject)} | ${reached ? "reachable" : "unreachable"} | ${executions} | ${states} |`;

export const figuresTable = (rows: readonly string[]): string[] => [
  "| obligation | on | bad outcome | executions | states |",
  "| --- | --- | --- | --- | --- |",
  ...rows,
];
