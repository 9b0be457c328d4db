import { type CaseResult, isGood, type Verdict } from "../conformance/run-cases.ts";
import { pc } from "./colours.ts";
import { failureLines } from "./failure-lines.ts";
import {
  badResults,
  countVerdicts,
  missingCapabilities,
  patchesOf,
  remarks,
  type RunReport,
  suiteName,
  totals,
  VERDICTS,
} from "./run-report.ts";
import { fit, labelled, plural, WIDTH } from "./table.ts";

/** A run as text: what went wrong first, then how each suite fared, then the totals. */
export function runText(report: RunReport): string[] {
  const { implementation, claim, results, notRun } = report;
  const { name, version } = implementation;
  return [
    ...labelled("", `${name} ${version}, ${claim}`),
    "",
    ...failuresText(results),
    ...patchesOf(results).flatMap((patch) => suiteText(patch, results)),
    "",
    ...missingText(results),
    ...labelled("", totals(results)),
    ...remarks(report).flatMap((remark, i, all) => {
      const lines = labelled("", remark);
      return notRun > 0 && i === all.length - 1 ? lines.map(pc.yellow) : lines;
    }),
  ];
}

/** What the results say that are not good, each with an empty line behind it. */
export const failuresText = (results: readonly CaseResult[]): string[] =>
  badResults(results).flatMap((result) => [...failureText(result), ""]);

/** What one result that is not good says. */
const failureText = (result: CaseResult): string[] => [
  `${pc.red(SHOUTED[result.verdict])} ${pc.bold(result.scenario.id)}`,
  ...failureLines(result, { indent: "  " }),
];

/** Verdicts as they stand before the id of a case. */
export const SHOUTED: Readonly<Record<Verdict, string>> = {
  conforms: "CONFORMS",
  "has-slip": "HAS SLIP",
  "has-remedy": "HAS REMEDY",
  deviates: "DEVIATES",
  fails: "FAILS",
  "unexpected-pass": "UNEXPECTED PASS",
  crashed: "CRASHED",
  "timed-out": "TIMED OUT",
  "protocol-error": "PROTOCOL ERROR",
  "not-assessed": "NOT ASSESSED",
};

/** A suite and `41 conform, 2 fail`, in one line or, if it is too much for one, in several. */
function suiteText(patch: number, results: readonly CaseResult[]): string[] {
  const counts = countVerdicts(results.filter(({ scenario }) => scenario.patch === patch));
  const parts = (Object.entries(VERDICTS) as [Verdict, string][])
    .filter(([verdict]) => counts[verdict] > 0)
    .map(([verdict, words]) => ({ verdict, text: `${counts[verdict]} ${words}` }));
  const length = parts.map(({ text }) => text).join(", ").length;
  const painted = parts.map(({ verdict, text }) => paint(verdict)(text));
  const name = suiteName(patch);
  if (length < WIDTH / 2) {
    return [`${fit(name, Math.min(WIDTH - 1 - length, WIDTH - 24))} ${painted.join(", ")}`];
  }
  return [...labelled("", name), ...painted.map((part) => `     ${part}`)];
}

function paint(verdict: Verdict): (text: string) => string {
  if (isGood(verdict)) return pc.green;
  return verdict === "not-assessed" ? pc.yellow : pc.red;
}

function missingText(results: readonly CaseResult[]): string[] {
  const missing = missingCapabilities(results);
  if (missing.length === 0) return [];
  const shown = missing.slice(0, 8).map(([name, cases]) => `${name} (${plural(cases, "case")})`);
  const more = missing.length > 8 ? [`${missing.length - 8} more`] : [];
  return [...labelled("not assessed for want of  ", [...shown, ...more].join(", ")), ""];
}
