import { contradictions, isDiscriminated, type MatrixLine } from "../conformance/matrix.ts";
import { LAST_LAYER } from "../reference/compose.ts";

/** The matrix as a document (fixtures/schema/output.schema.json, `matrix`). */
export function matrixJson(lines: readonly MatrixLine[]) {
  const patches = Array.from({ length: LAST_LAYER }, (_, i) => i + 1);
  return {
    kind: "matrix",
    format: 1,
    layers: LAST_LAYER + 1,
    cases: lines.map(({ scenario, rows }) => ({
      id: scenario.id,
      patch: scenario.patch,
      proof: scenario.proof,
      rows: rows.map((row) => ({
        under: row.under,
        holds: row.seen,
        declared: row.declared,
        contradictions: contradictions(row),
      })),
    })),
    discriminated: Object.fromEntries(
      patches.map((patch) => [patch, isDiscriminated(patch, lines)]),
    ),
  };
}
