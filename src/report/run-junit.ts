import type { Deviation } from "../conformance/deviations.ts";
import { type CaseResult, isGood } from "../conformance/run-cases.ts";
import { slugOf } from "../scenario/suites.ts";
import { failureLines } from "./failure-lines.ts";
import { patchesOf, type RunReport, subjectOf, VERDICTS } from "./run-report.ts";
import { element, textElement } from "./xml.ts";

/**
 * A run as JUnit XML, for the test views of CI systems: a suite for each patch, and one for the
 * deviations that were not seen.
 */
export function runJunit(report: RunReport): string {
  const { results, unseen } = report;
  const suites = patchesOf(results).flatMap((patch) => suite(patch, report));
  const { tests, failures, ...others } = counts(results);
  const all = { tests: tests + unseen.length, failures: failures + unseen.length, ...others };
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    ...element("testsuites", { name: "kvm-mmu-conformance", ...all }, [
      ...suites,
      ...unseenSuite(unseen),
    ]),
  ];
  return `${lines.join("\n")}\n`;
}

function suite(patch: number, { implementation, claim, results }: RunReport): string[] {
  const own = results.filter(({ scenario }) => scenario.patch === patch);
  const name = slugOf(patch);
  const property = (key: string, value: string): string[] =>
    element("property", { name: key, value });
  return element("testsuite", { name, ...counts(own) }, [
    ...element("properties", {}, [
      ...property("implementation", implementation.name),
      ...property("version", implementation.version),
      ...property("claim", claim),
    ]),
    ...own.flatMap((result) =>
      element("testcase", { classname: name, name: result.scenario.id }, outcome(result)),
    ),
  ]);
}

function unseenSuite(unseen: readonly Deviation[]): string[] {
  const { length } = unseen;
  if (length === 0) return [];
  const all = { name: "deviations", tests: length, failures: length, errors: 0, skipped: 0 };
  const message = "known to deviate, and does not";
  return element(
    "testsuite",
    all,
    unseen.flatMap((entry) =>
      element("testcase", { classname: "deviations", name: subjectOf(entry) }, [
        ...textElement("failure", { type: "deviation-not-seen", message }, [
          entry.reason,
          entry.link,
        ]),
      ]),
    ),
  );
}

type Kind = "passed" | "failure" | "error" | "skipped";

/** What JUnit calls a verdict. An error says nothing about what was tested. */
function kindOf({ verdict }: CaseResult): Kind {
  if (isGood(verdict)) return "passed";
  if (verdict === "not-assessed") return "skipped";
  return verdict === "fails" || verdict === "unexpected-pass" ? "failure" : "error";
}

function counts(results: readonly CaseResult[]) {
  const count = (kind: Kind): number => results.filter((result) => kindOf(result) === kind).length;
  return {
    tests: results.length,
    failures: count("failure"),
    errors: count("error"),
    skipped: count("skipped"),
  };
}

/** What stands inside a test case; nothing, if it simply conforms. */
function outcome(result: CaseResult): string[] {
  const { verdict, missing } = result;
  const kind = kindOf(result);
  if (kind === "skipped") return element("skipped", { message: `needs ${missing.join(", ")}` });
  if (kind === "passed") {
    if (verdict === "conforms") return [];
    const details = verdict === "deviates" ? failureLines(result, { most: Infinity }) : [];
    return textElement("system-out", {}, [VERDICTS[verdict], ...details]);
  }
  const [violation] = result.violations;
  const message =
    violation === undefined
      ? "it conforms, and is said not to"
      : `expected ${violation.expected}; seen ${violation.seen}`;
  return textElement(kind, { type: verdict, message }, failureLines(result, { most: Infinity }));
}
