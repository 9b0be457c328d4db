import {
  type Exploration,
  type Searched,
  type ToldWitness,
  verdictOf,
} from "../explore/exploration.ts";
import type { Figures } from "../explore/exploration.ts";
import { fit, labelled, plural } from "./table.ts";
import { witnessText } from "./witness-text.ts";

const COLUMNS = [42, 11, 11, 10, 9] as const;

const row = (cells: readonly string[]): string =>
  cells
    .map((cell, i) => (i < 3 ? fit(cell, COLUMNS[i]!) : cell.padStart(COLUMNS[i]!)))
    .join("  ")
    .trimEnd();

const number = (count: number): string => count.toLocaleString("en");

/** What was searched, what was found, and how it comes about. */
export const explorationText = ({ id, title, why, searches, witnesses }: Exploration): string[] => [
  ...labelled(`${id}  `, title),
  ...labelled("    ", why),
  "",
  row(["", "bad outcome", "expected", "executions", "states"]),
  ...searches.map(searchLine),
  "",
  ...witnesses.flatMap(witnessLines),
  ...searches
    .filter(({ result }) => searches.length === 1 || result.notCovered !== null)
    .map(({ result }) => coverage(result)),
];

export const outcomeText = (isReached: boolean): string =>
  isReached ? "reachable" : "unreachable";

/** What a search found: that something was not reached means little before all was covered. */
export const foundText = ({ reached, result }: Searched): string =>
  reached || result.notCovered === null ? outcomeText(reached) : "not known";

function searchLine(searched: Searched): string {
  const { subject, expected, result } = searched;
  const cells = [subject, foundText(searched), outcomeText(expected), number(result.executions)];
  const mark = verdictOf(searched) === "holds" ? "" : "  !";
  return `${row([...cells, number(result.states)])}${mark}`;
}

const witnessLines = (witness: ToldWitness): string[] => [
  ...labelled(`${witness.property}: `, sentenceOf(witness)),
  "",
  ...witnessText(witness.threads, witness.rows),
  "",
  ...(witness.after.length > 0
    ? [...witness.after.map((text) => `    afterwards: ${text}`), ""]
    : []),
];

/** Why it is wrong, as a sentence. */
export const sentenceOf = ({ sentence, atEnd }: ToldWitness): string =>
  `${sentence}${atEnd ? " (in the steps after the threads)" : ""}.`;

/** How far a search came, as a sentence. */
export function coverage({ executions, states, steps, notCovered }: Figures): string {
  const seen = `${number(states)} states, ${plural(executions, "execution")}, ${number(steps)} steps`;
  return notCovered === null
    ? `Every order was covered: ${seen}.`
    : `Not every order was covered, because ${notCovered}: ${seen}.`;
}
