import { type Checked, type Obligation, subjectText } from "../explore/obligation.ts";
import type { SearchResult } from "../explore/search.ts";
import { fit, labelled, plural } from "./table.ts";

const COLUMNS = [34, 12, 12, 11, 11] as const;

const row = (cells: readonly string[]): string =>
  cells
    .map((cell, i) => (i < 3 ? fit(cell, COLUMNS[i]!) : cell.padStart(COLUMNS[i]!)))
    .join("  ")
    .trimEnd();

const number = (count: number): string => count.toLocaleString("en");

/** What must be shown, and why. */
export const obligationHead = ({ id, title, why }: Obligation): string[] => [
  ...labelled(`${id}  `, title),
  ...labelled("    ", why),
];

export const checkedHead = (): string =>
  row(["", "bad outcome", "expected", "executions", "states"]);

/** One subject of an obligation: what was expected and found. */
export function checkedLine({ subject, expected, reached, result, holds }: Checked): string {
  const said = (isReached: boolean): string => (isReached ? "reachable" : "unreachable");
  const found = reached || result.notCovered === null ? said(reached) : "not known";
  const cells = [subjectText(subject), found, said(expected), number(result.executions)];
  return `${row([...cells, number(result.states)])}${holds ? "" : "  !"}`;
}

/** How far a search came. */
export function searchLines({ executions, states, steps, notCovered }: SearchResult): string[] {
  const seen = `${number(states)} states, ${plural(executions, "execution")}, ${number(steps)} steps`;
  return notCovered === null
    ? [`Every order was covered: ${seen}.`]
    : [`Not every order was covered, because ${notCovered}: ${seen}.`];
}
