import { type CaseResult, isGood } from "../conformance/run-cases.ts";
import { slugOf } from "../scenario/suites.ts";
import { failureLines } from "./failure-lines.ts";
import { printable } from "./printable.ts";
import { patchesOf, remarks, type RunReport, totals, VERDICTS } from "./run-report.ts";

/** A run as KTAP (Documentation/dev-tools/ktap.rst of Linux): a test for each patch. */
export function runKtap(report: RunReport): string {
  const { implementation, claim, results } = report;
  const patches = patchesOf(results);
  const lines = [
    "KTAP version 1",
    `1..${patches.length}`,
    diagnostic(`${implementation.name} ${implementation.version}, ${claim}`),
    ...patches.flatMap((patch, i) =>
      suite(
        i + 1,
        patch,
        results.filter(({ scenario }) => scenario.patch === patch),
      ),
    ),
    diagnostic(totals(results)),
    ...remarks(report).map(diagnostic),
  ];
  return `${lines.join("\n")}\n`;
}

function suite(number: number, patch: number, results: readonly CaseResult[]): string[] {
  const name = slugOf(patch);
  const isSkipped = results.every(({ verdict }) => verdict === "not-assessed");
  return [
    ...[
      "KTAP version 1",
      diagnostic(`Subtest: ${name}`),
      `1..${results.length}`,
      ...results.flatMap((result, i) => test(i + 1, result)),
    ].map((line) => `  ${line}`),
    `${results.every(isOk) ? "ok" : "not ok"} ${number} ${name}${isSkipped ? " # SKIP" : ""}`,
  ];
}

const isOk = ({ verdict }: CaseResult): boolean => isGood(verdict) || verdict === "not-assessed";

function test(number: number, result: CaseResult): string[] {
  const { scenario, verdict } = result;
  const tellsMore = verdict === "deviates" || !isOk(result);
  return [
    ...(tellsMore ? failureLines(result).map(diagnostic) : []),
    `${isOk(result) ? "ok" : "not ok"} ${number} ${scenario.id}${directive(result)}`,
  ];
}

/** A diagnostic line: nothing in it is taken for a result. */
const diagnostic = (text: string): string => `# ${printable(text)}`;

/** What stands behind a result that is neither simply good nor simply bad. */
function directive({ verdict, missing }: CaseResult): string {
  switch (verdict) {
    case "conforms":
    case "fails":
      return "";
    case "not-assessed":
      return ` # SKIP needs ${missing.join(", ")}`;
    case "deviates":
      return ` # XFAIL ${VERDICTS.deviates}`;
    case "timed-out":
      return " # TIMEOUT";
    case "crashed":
    case "protocol-error":
      return ` # ERROR ${VERDICTS[verdict]}`;
    default:
      return ` # ${VERDICTS[verdict]}`;
  }
}
