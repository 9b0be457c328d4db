import { recordOnReference } from "../adapters/reference/reference-implementation.ts";
import { ownClaim } from "../conformance/claim.ts";
import { explained, judged } from "../conformance/run-cases.ts";
import { withProgress } from "../report/progress.ts";
import type { RunReport } from "../report/run-report.ts";
import type { Case } from "../scenario/case.generated.ts";
import { VERSION } from "../version.ts";

/** Who the reference is when it is under test itself. */
export const REFERENCE = { name: "reference", version: VERSION };

/** Runs each case on the reference where it must hold: on the layer of its own patch. */
export function runOnOwnLayers(cases: readonly Case[]): RunReport {
  const results = withProgress("case", cases, (scenario) => {
    const { composition } = ownClaim(scenario);
    return explained(judged(scenario, recordOnReference(composition, scenario)));
  });
  const claim = "each suite on the layer of its own patch";
  const nothingElse = { leftOut: 0, notRun: 0, restarts: 0, unseen: [] };
  return { implementation: REFERENCE, claim, results, ...nothingElse };
}
