import type { Exploration } from "../explore/exploration.ts";
import { coverage, foundText, outcomeText, sentenceOf } from "./explore-text.ts";
import { witnessMarkdown } from "./witness-text.ts";

/** An exploration for a mail or a page. */
export const explorationMarkdown = ({
  id,
  title,
  why,
  searches,
  witnesses,
}: Exploration): string[] => [
  `## ${id}: ${title}`,
  "",
  why,
  "",
  "| on | bad outcome | expected | executions | states |",
  "| --- | --- | --- | ---: | ---: |",
  ...searches.map((searched) => {
    const { subject, expected, result } = searched;
    const outcomes = `${foundText(searched)} | ${outcomeText(expected)}`;
    return `| ${subject} | ${outcomes} | ${result.executions} | ${result.states} |`;
  }),
  "",
  ...searches
    .filter(({ result }) => result.notCovered !== null)
    .flatMap(({ result }) => [coverage(result), ""]),
  ...witnesses.flatMap((witness) => [
    `**${witness.property}**: ${sentenceOf(witness)}`,
    "",
    ...witnessMarkdown(witness.threads, witness.rows),
    "",
    ...witness.after.flatMap((text) => [`Afterwards: ${text}`, ""]),
  ]),
];
