import type { Override } from "../compose.ts";
import type { OperationName } from "../operations.ts";

/**
 * A known-bad variant of a patch: what a careless author might have written. The patch's suite must
 * reject it.
 */
export interface Mutant extends Override {
  /** `p11.rmap-pass-only`: the patch and what is wrong. */
  readonly id: string;
  /** One line: what is wrong. */
  readonly title: string;
}

/** The mutants of one patch, by name. */
export const mutantsOf = (
  patch: number,
  mutants: Readonly<Record<string, Pick<Mutant, "title" | "apply" | "place">>>,
): readonly Mutant[] =>
  Object.entries(mutants).map(([name, mutant]) => ({
    id: `p${String(patch).padStart(2, "0")}.${name}`,
    patch,
    ...mutant,
  }));

/** Leaves hunks of the patch out: these operations stay as they were below it. */
export const without =
  (...names: OperationName[]): Override["apply"] =>
  (_ops, below) =>
    Object.fromEntries(names.map((name) => [name, below[name]]));
