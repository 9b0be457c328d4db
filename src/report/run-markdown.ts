import type { CaseResult, Verdict } from "../conformance/run-cases.ts";
import { failureLines } from "./failure-lines.ts";
import {
  badResults,
  countVerdicts,
  headline,
  patchesOf,
  remarks,
  type RunReport,
  suiteName,
  totals,
  VERDICTS,
} from "./run-report.ts";
import { SHOUTED } from "./run-text.ts";
import { labelled, plural } from "./table.ts";

/**
 * A run as Markdown that also reads well as the text of a mail. Whatever the implementation said
 * stands in blocks of code, where nothing of it is markup.
 */
export function runMarkdown(report: RunReport): string {
  const { implementation, claim, results } = report;
  const bad = badResults(results);
  const lines = [
    ...labelled("", `**${headline(report)}.** ${totals(results)}`),
    "",
    ...block([
      ...labelled("implementation  ", `${implementation.name} ${implementation.version}`),
      ...labelled("claim           ", claim),
      ...remarks(report).flatMap((remark) => labelled("", remark)),
    ]),
    "",
    ...table(results),
    ...bad.flatMap((result) => [
      "",
      `### ${SHOUTED[result.verdict]} ${result.scenario.id}`,
      "",
      ...block(failureLines(result)),
    ]),
    ...notAssessed(results),
  ];
  return `${lines.join("\n")}\n`;
}

/** A block of code with a fence that is longer than any inside. */
function block(lines: readonly string[]): string[] {
  const ticks = lines.flatMap((line) => line.match(/`+/g) ?? []).map((run) => run.length);
  const fence = "`".repeat(Math.max(2, ...ticks) + 1);
  return [`${fence}text`, ...lines, fence];
}

/** A row for each patch, a column for each verdict that there is. */
function table(results: readonly CaseResult[]): string[] {
  const all = countVerdicts(results);
  const columns = (Object.keys(VERDICTS) as Verdict[]).filter((verdict) => all[verdict] > 0);
  if (columns.length === 0) return [];
  const rows = patchesOf(results).map((patch) => {
    const counts = countVerdicts(results.filter(({ scenario }) => scenario.patch === patch));
    return row([suiteName(patch), ...columns.map((verdict) => String(counts[verdict]))]);
  });
  return [
    row(["patch", ...columns.map((verdict) => VERDICTS[verdict])]),
    row(["---", ...columns.map(() => "---:")]),
    ...rows,
  ];
}

const row = (cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll(/[\\`*<|[]/g, String.raw`\$&`)).join(" | ")} |`;

/** The cases that were not assessed, by what is missing; what most cases need comes first. */
function notAssessed(results: readonly CaseResult[]): string[] {
  const groups = new Map<string, string[]>();
  for (const { verdict, missing, scenario } of results) {
    if (verdict !== "not-assessed") continue;
    const want = missing.join(", ");
    groups.set(want, [...(groups.get(want) ?? []), scenario.id]);
  }
  if (groups.size === 0) return [];
  const sorted = [...groups].sort(([a, m], [b, n]) => n.length - m.length || (a < b ? -1 : 1));
  return [
    "",
    "### Not assessed",
    "",
    ...block(
      sorted.flatMap(([want, ids]) => [
        ...labelled("for want of ", `${want}: ${plural(ids.length, "case")}`),
        ...labelled("  ", ids.join(", ")),
      ]),
    ),
  ];
}
