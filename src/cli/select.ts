import type { Case } from "../scenario/case.generated.ts";
import { LAST_LAYER } from "../reference/compose.ts";
import { loadCases } from "../scenario/load-cases.ts";
import { UsageError } from "./usage-error.ts";

export interface Selection {
  readonly patch?: string;
  readonly case?: string;
}

/** The cases that `--patch` and `--case` ask for. @throws UsageError, CaseError */
export function selectCases({ patch, case: id }: Selection): Case[] {
  let cases = loadCases();
  if (patch !== undefined) {
    const number = parseNumber(patch, 0, LAST_LAYER, "patch");
    cases = cases.filter((scenario) => scenario.patch === number);
  }
  if (id !== undefined) {
    const found = cases.filter((scenario) => scenario.id === id);
    if (found.length === 0) {
      const where = patch === undefined ? "" : ` in the suite of patch ${patch}`;
      throw new UsageError(`there is no case "${id}"${where}${similar(id, cases)}`);
    }
    cases = found;
  }
  return cases;
}

/** @throws UsageError */
export function parseNumber(text: string, low: number, high: number, what: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < low || number > high) {
    throw new UsageError(`there is no ${what} "${text}"; expected a number from ${low} to ${high}`);
  }
  return number;
}

/** Names the case whose id has most in common with a wrong one. */
function similar(id: string, cases: readonly Case[]): string {
  const parts = new Set(id.split(/[.-]/));
  const score = (other: string): number =>
    other.split(/[.-]/).filter((part) => parts.has(part)).length;
  const best = [...cases].sort((a, b) => score(b.id) - score(a.id))[0];
  return best !== undefined && score(best.id) > 1
    ? `; did you mean ${best.id}?`
    : "; see `kmc list`";
}
