import type { Deviation } from "../conformance/deviations.ts";
import { type CaseResult, isGood } from "../conformance/run-cases.ts";
import { slugOf } from "../scenario/suites.ts";
import { failureLines } from "./failure-lines.ts";
import { printable } from "./printable.ts";
import { patchesOf, remarks, type RunReport, subjectOf, totals, VERDICTS } from "./run-report.ts";

/**
 * A run as KTAP (Documentation/dev-tools/ktap.rst of Linux): a test for each patch, and one for the
 * deviations that were not seen.
 */
export function runKtap(report: RunReport): string {
  const { implementation, claim, results, unseen } = report;
  const suites = patchesOf(results).map((patch) =>
    suite(slugOf(patch), results.filter(({ scenario }) => scenario.patch === patch).map(caseTest)),
  );
  if (unseen.length > 0) suites.push(suite("deviations", unseen.map(unseenTest)));
  const lines = [
    "KTAP version 1",
    `1..${suites.length}`,
    diagnostic(`${implementation.name} ${implementation.version}, ${claim}`),
    ...suites.flatMap(testLines),
    diagnostic(totals(results)),
    ...remarks({ ...report, unseen: [] }).map(diagnostic),
  ];
  return `${lines.join("\n")}\n`;
}

interface Test {
  /** What stands before its result. */
  readonly lines: readonly string[];
  readonly ok: boolean;
  readonly name: string;
  /** What stands behind a result that is neither simply good nor simply bad. */
  readonly directive: string;
}

/** The lines of a test, numbered from 1. */
const testLines = ({ lines, ok, name, directive }: Test, i: number): string[] => [
  ...lines,
  `${ok ? "ok" : "not ok"} ${i + 1} ${name}${directive === "" ? "" : ` # ${directive}`}`,
];

function suite(name: string, tests: readonly Test[]): Test {
  return {
    lines: [
      "KTAP version 1",
      diagnostic(`Subtest: ${name}`),
      `1..${tests.length}`,
      ...tests.flatMap(testLines),
    ].map((line) => `  ${line}`),
    ok: tests.every(({ ok }) => ok),
    name,
    directive: tests.every(({ directive }) => directive.startsWith("SKIP")) ? "SKIP" : "",
  };
}

function caseTest(result: CaseResult): Test {
  const { scenario, verdict } = result;
  const ok = isGood(verdict) || verdict === "not-assessed";
  const tellsMore = verdict === "deviates" || !ok;
  return {
    lines: tellsMore ? failureLines(result).map(diagnostic) : [],
    ok,
    name: scenario.id,
    directive: directiveOf(result),
  };
}

const unseenTest = (entry: Deviation): Test => ({
  lines: [entry.reason, entry.link].map(diagnostic),
  ok: false,
  name: subjectOf(entry),
  directive: "deviation not seen",
});

/** A diagnostic line: nothing in it is taken for a result. */
const diagnostic = (text: string): string => `# ${printable(text)}`;

function directiveOf({ verdict, missing }: CaseResult): string {
  switch (verdict) {
    case "conforms":
    case "fails":
      return "";
    case "not-assessed":
      return `SKIP needs ${missing.join(", ")}`;
    case "deviates":
      return `XFAIL ${VERDICTS.deviates}`;
    case "timed-out":
      return "TIMEOUT";
    case "crashed":
    case "protocol-error":
      return `ERROR ${VERDICTS[verdict]}`;
    default:
      return VERDICTS[verdict];
  }
}
