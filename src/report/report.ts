import { recordOnReference } from "../adapters/reference/reference-implementation.ts";
import type { CaseRecord } from "../adapters/record.ts";
import { ownClaim } from "../conformance/claim.ts";
import type { MatrixLine } from "../conformance/matrix.ts";
import { contradictions } from "../conformance/matrix.ts";
import type { Kill } from "../conformance/mutants.ts";
import type { Case } from "../scenario/case.generated.ts";
import { matrixJson } from "./matrix-json.ts";
import { mutantsJson } from "./mutants-json.ts";
import { runJson } from "./run-json.ts";
import type { RunReport } from "./run-report.ts";

/** All that one run of everything has found out. */
export interface Report {
  readonly run: RunReport;
  readonly lines: readonly MatrixLine[];
  readonly kills: readonly Kill[];
}

/** Whether nothing was found that should not be. */
export const isClean = ({ run, lines, kills }: Report): boolean =>
  run.results.every(({ verdict }) => verdict === "conforms") &&
  lines.every(({ rows }) => rows.every((row) => contradictions(row).length === 0)) &&
  kills.every(({ by }) => by.length > 0);

/** The report as a document (fixtures/schema/output.schema.json, `report`). */
export function reportJson({ run, lines, kills }: Report) {
  return {
    kind: "report",
    format: 1,
    run: runJson(run),
    matrix: matrixJson(lines),
    mutants: mutantsJson(kills),
  };
}

/** What happens inside when a case runs where it must hold. */
export const recordWhereItHolds = (scenario: Case): CaseRecord =>
  recordOnReference(ownClaim(scenario).composition, scenario);
