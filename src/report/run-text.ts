import { pc } from "./colours.ts";
import { eventText } from "../conformance/match.ts";
import type { CaseResult } from "../conformance/run-cases.ts";
import { slugOf, titleOf } from "../scenario/suites.ts";
import { fit, labelled, plural, WIDTH } from "./table.ts";

/** The results of a run as text: failures first, then how each suite fared, then the totals. */
export function runText(results: readonly CaseResult[]): string[] {
  const failures = results.filter(({ verdict }) => verdict === "fails");
  const patches = [...new Set(results.map(({ scenario }) => scenario.patch))].sort((a, b) => a - b);
  return [
    ...failures.flatMap((result) => [...failureText(result), ""]),
    ...patches.map((patch) => suiteText(patch, results)),
    "",
    totals(results),
  ];
}

function failureText({ scenario, violations, equals, firstDifference }: CaseResult): string[] {
  const { id, title, patch } = scenario;
  const lines = [`${pc.red("FAILS")} ${pc.bold(id)}`, ...labelled("  ", title)];
  for (const { pointer, expected, seen } of violations.slice(0, 3)) {
    lines.push(...labelled("  at ", pointer));
    lines.push(...labelled("    expected  ", expected));
    lines.push(...labelled("    seen      ", seen));
  }
  if (violations.length > 3) lines.push(`  and ${violations.length - 3} more`);
  if (firstDifference !== null) {
    const { pointer, expected, seen } = firstDifference;
    const show = (event: typeof seen): string =>
      event === null ? "nothing more" : eventText(event);
    lines.push(`  first event that differs, in ${pointer}`);
    lines.push(...labelled("    expected  ", show(expected)));
    lines.push(...labelled("    seen      ", show(seen)));
  }
  lines.push(`  responsible: ${scenario.function}${patch > 0 ? ` (patch ${patch})` : ""}`);
  if (equals.length > 0) lines.push(...labelled("  equals layer ", equals.join(", ")));
  return lines;
}

function suiteText(patch: number, results: readonly CaseResult[]): string {
  const own = results.filter(({ scenario }) => scenario.patch === patch);
  const count = (verdict: CaseResult["verdict"]): number =>
    own.filter((result) => result.verdict === verdict).length;
  const parts = [
    count("conforms") > 0 ? pc.green(`${count("conforms")} conform`) : "",
    count("fails") > 0 ? pc.red(`${count("fails")} fail`) : "",
    count("not-assessed") > 0 ? pc.yellow(`${count("not-assessed")} not assessed`) : "",
  ];
  const name = `${slugOf(patch).slice(0, 2)} ${titleOf(patch)}`;
  return `${fit(name, WIDTH - 24)} ${parts.filter((part) => part !== "").join(", ")}`;
}

export function totals(results: readonly CaseResult[]): string {
  const count = (verdict: CaseResult["verdict"]): number =>
    results.filter((result) => result.verdict === verdict).length;
  return (
    `${plural(results.length, "case")}: ${count("conforms")} conform, ${count("fails")} fail, ` +
    `${count("not-assessed")} not assessed`
  );
}
