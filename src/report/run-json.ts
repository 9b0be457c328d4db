import type { CaseResult } from "../conformance/run-cases.ts";

/** The results of a run as a document (fixtures/schema/output.schema.json, `run`). */
export function runJson(implementation: string, claim: string, results: readonly CaseResult[]) {
  const count = (verdict: CaseResult["verdict"]): number =>
    results.filter((result) => result.verdict === verdict).length;
  return {
    kind: "run",
    format: 1,
    implementation,
    claim,
    results: results.map(({ scenario, verdict, violations, missing, equals, firstDifference }) => ({
      id: scenario.id,
      patch: scenario.patch,
      title: scenario.title,
      function: scenario.function,
      verdict,
      violations,
      missing,
      equals,
      firstDifference,
    })),
    summary: {
      conforms: count("conforms"),
      fails: count("fails"),
      notAssessed: count("not-assessed"),
    },
  };
}
