import type { CaseResult } from "../conformance/run-cases.ts";
import { countVerdicts, type RunReport } from "./run-report.ts";

/** A run as a document (fixtures/schema/output.schema.json, `run`). */
export function runJson({ implementation, claim, results, ...counts }: RunReport) {
  const { leftOut, notRun, restarts, unseen } = counts;
  return {
    kind: "run",
    format: 1,
    implementation,
    claim,
    leftOut,
    notRun,
    restarts,
    deviationsNotSeen: unseen,
    results: results.map(resultJson),
    summary: countVerdicts(results),
  };
}

export type RunDocument = ReturnType<typeof runJson>;

/** One result in a document. */
export function resultJson(result: CaseResult) {
  const { scenario, verdict, violations, missing, equals, firstDifference, log } = result;
  return {
    id: scenario.id,
    patch: scenario.patch,
    title: scenario.title,
    function: scenario.function,
    verdict,
    violations,
    missing,
    equals,
    firstDifference,
    log,
  };
}
