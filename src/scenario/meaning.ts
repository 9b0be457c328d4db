import { createHash } from "node:crypto";
import type { Case } from "./case.generated.ts";

/**
 * A hash of what a case means: what is done, what is expected, and where that holds. Title, reasons
 * and notes may be reworded without changing it.
 */
export function meaningOf(scenario: Case): string {
  const { title: _title, why: _why, $schema: _schema, ...meaning } = scenario;
  return createHash("sha256").update(canonical(meaning)).digest("hex").slice(0, 16);
}

/** JSON with sorted keys and without notes and reasons. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([key, inner]) => !isProse(key, inner));
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(",")}}`;
}

/** A thread may be called `note`, too; its steps are no prose. */
const isProse = (key: string, value: unknown): boolean =>
  (key === "note" || key === "because") && typeof value === "string";
