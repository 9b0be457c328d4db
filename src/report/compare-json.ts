import type { Comparison } from "./compare.ts";

/** A comparison as a document (fixtures/schema/output.schema.json, `comparison`). */
export const compareJson = (comparison: Comparison) => ({
  kind: "comparison",
  format: 1,
  ...comparison,
});
