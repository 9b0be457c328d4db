import type { JudgedRow, MatrixLine } from "../../src/conformance/matrix.ts";
import type { Kill } from "../../src/conformance/mutants.ts";
import type { Deviation } from "../../src/conformance/deviations.ts";
import type { CaseResult } from "../../src/conformance/run-cases.ts";
import type { RunReport } from "../../src/report/run-report.ts";
import type { Case } from "../../src/scenario/case.generated.ts";
import { aCase } from "./a-case.ts";

/** The result of a case that conforms, to change. */
export const aResult = (changes: Partial<CaseResult> = {}): CaseResult => ({
  ...{ scenario: aCase(), verdict: "conforms", violations: [], missing: [], equals: [] },
  ...{ firstDifference: null, log: [], record: null, ...changes },
});

/** One of a case that fails, for one reason. */
export const aFailure = (changes: Partial<CaseResult> = {}): CaseResult =>
  aResult({
    verdict: "fails",
    violations: [{ pointer: "/steps/0/expect/outcome", expected: "hit", seen: "mapped" }],
    ...changes,
  });

/** On which layers something is true: `#` true, `.` false, `?` not said. */
const layers = (text: string): (boolean | null)[] =>
  Array.from(text.padEnd(28, text.slice(-1)), (mark) => (mark === "?" ? null : mark === "#"));

/** A row from its cells as `..#`, the last of which goes on to the end. */
export const aRow = (under: string, seen: string, declared = seen): JudgedRow => ({
  under,
  seen: layers(seen) as boolean[],
  declared: layers(declared),
});

export const aLine = (rows: readonly JudgedRow[], changes: Partial<Case> = {}): MatrixLine => ({
  scenario: aCase(changes),
  rows,
});

/** A mutant of patch 11 and who rejects it. */
export const aKill = (by: readonly string[], changes: Partial<Kill["mutant"]> = {}): Kill => ({
  mutant: {
    ...{ id: "p11.forgetful", patch: 11, title: "zaps everything, as before" },
    ...{ apply: () => ({}), ...changes },
  },
  by,
  alsoBy: [],
});

/** What a run of an implementation named `mine` has found out. */
export const aReport = (
  results: readonly CaseResult[] = [aResult()],
  changes: Partial<RunReport> = {},
): RunReport => ({
  implementation: { name: "mine", version: "1.0" },
  ...{ claim: "layer 11 as promised", results, leftOut: 0, notRun: 0, restarts: 0, unseen: [] },
  ...changes,
});

/** Known deviations: of a patch, and of a case. */
export const UNSEEN: readonly Deviation[] = [
  { patch: 3, reason: "it was reverted", link: "https://example.org/1" },
  { case: "p11.small.case", reason: "a `mistake` # of mine", link: "https://example.org/2" },
];

/** Text that does harm wherever it is taken for more than text. */
export const HOSTILE =
  "\u001b[2J</pre><script>alert(1)</script>\u202e\n]]>&amp;\u0000```\n# SKIP\nnot ok 9 x | \ud800";
/** The same as it is to be shown on a terminal: in one line, and harmless. */
export const HARMLESS =
  "\\x1b[2J</pre><script>alert(1)</script>\\u202e\\n]]>&amp;\\x00```\\n# SKIP\\nnot ok 9 x | \\ud800";

/** The results of an implementation that says hostile things wherever it can. */
export const hostileReport = (): RunReport =>
  aReport(
    [
      aResult({
        verdict: "crashed",
        violations: [{ pointer: "/steps/0", expected: "the run goes on", seen: HOSTILE }],
        log: [HOSTILE],
        record: {
          id: "p11.small.case",
          steps: [{ result: { vcpu: HOSTILE }, events: [{ event: HOSTILE, why: HOSTILE }] }],
          failure: { pointer: "/steps/0", message: HOSTILE, kind: "crashed", log: [HOSTILE] },
        },
      }),
    ],
    { implementation: { name: HOSTILE, version: HOSTILE } },
  );
