import { composeThrough, type Composition } from "../reference/compose.ts";
import { SLIPS } from "../reference/errata/index.ts";
import type { Mutant } from "../reference/mutants/mutant.ts";
import type { Case } from "../scenario/case.generated.ts";
import { appliesTo, isDeclared } from "./matrix.ts";
import { layer } from "./profiles.ts";
import { holdsAsBefore } from "./shared-runs.ts";

/** Which cases reject a mutant. */
export interface Kill {
  readonly mutant: Mutant;
  /** Ids of cases of the mutant's patch that fail on it. */
  readonly by: readonly string[];
  /** Ids of cases that hold at every layer and fail on it. */
  readonly alsoBy: readonly string[];
}

/** The layer of a mutant's patch with the mutant in the place of what the patch does. */
export const composeMutant = (mutant: Mutant): Composition =>
  composeThrough(mutant.patch, { overrides: [mutant] });

/** Runs the cases that a correct layer satisfies against a mutant of it. */
export function killsOf(mutant: Mutant, cases: readonly Case[]): Kill {
  const composition = composeMutant(mutant);
  const correct = layer(mutant.patch, "promised");
  const rejecting = cases.filter(
    (scenario) =>
      concerns(scenario, mutant) &&
      // What a mutant does not touch is played once, on the layer without it.
      holdsAsBefore(scenario, correct) &&
      !holdsAsBefore(scenario, composition),
  );
  const ids = (own: boolean): string[] =>
    rejecting.filter(({ patch }) => (patch === mutant.patch) === own).map(({ id }) => id);
  return { mutant, by: ids(true), alsoBy: ids(false) };
}

/**
 * Cases of the patch that hold on it as promised, and those that hold everywhere. Of an erratum
 * only what a slip leaves whole: a gap is there in every layer, and who shows it rejects nothing.
 */
const concerns = (scenario: Case, { patch }: Mutant): boolean =>
  (scenario.patch === patch || scenario.patch === 0) &&
  (scenario.erratum === undefined ||
    (scenario.proof === "mended" && SLIPS.includes(scenario.erratum))) &&
  scenario.without === undefined &&
  appliesTo(scenario, "promised") &&
  isDeclared(scenario, patch);
