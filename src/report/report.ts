import { recordOnReference } from "../adapters/reference/reference-implementation.ts";
import type { CaseRecord } from "../adapters/record.ts";
import type { MatrixLine } from "../conformance/matrix.ts";
import { contradictions } from "../conformance/matrix.ts";
import type { Kill } from "../conformance/mutants.ts";
import { layer } from "../conformance/profiles.ts";
import type { CaseResult } from "../conformance/run-cases.ts";
import { LAST_LAYER } from "../reference/compose.ts";
import type { Case } from "../scenario/case.generated.ts";
import { matrixJson } from "./matrix-json.ts";
import { mutantsJson } from "./mutants-json.ts";
import { runJson } from "./run-json.ts";

/** All that one run of everything has found out. */
export interface Report {
  readonly results: readonly CaseResult[];
  readonly lines: readonly MatrixLine[];
  readonly kills: readonly Kill[];
}

/** Whether nothing was found that should not be. */
export const isClean = ({ results, lines, kills }: Report): boolean =>
  results.every(({ verdict }) => verdict === "conforms") &&
  lines.every(({ rows }) => rows.every((row) => contradictions(row).length === 0)) &&
  kills.every(({ by }) => by.length > 0);

/** The report as a document (fixtures/schema/output.schema.json, `report`). */
export function reportJson({ results, lines, kills }: Report, claim: string) {
  return {
    kind: "report",
    format: 1,
    run: runJson("reference", claim, results),
    matrix: matrixJson(lines),
    mutants: mutantsJson(kills),
  };
}

/** What happens inside when a case runs on the layer of its patch. */
export function recordOnOwnLayer(scenario: Case): CaseRecord {
  const number = scenario.patch === 0 ? LAST_LAYER : scenario.patch;
  const profile = scenario.profile === "merged" ? "merged" : "promised";
  return recordOnReference(layer(number, profile), scenario);
}
