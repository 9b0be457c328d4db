import type { ErratumId } from "../reference/patch.ts";
import type { Composition } from "../reference/compose.ts";
import type { Case, Step } from "../scenario/case.generated.ts";
import { searchProgress } from "./livelock.ts";
import { composeSubject, type Obligation, propertyOf } from "./obligation.ts";
import { lassoSteps, shortestWitness, witnessSteps } from "./witness.ts";

/** The id of the witness of an obligation; null for a known-bad variant, which is on no layer. */
export function witnessId({ id, reachable }: Pick<Obligation, "id" | "reachable">): string | null {
  if (reachable[0]!.mutant !== undefined) return null;
  const { number, erratum, rest } = partsOf(id);
  const name = number === undefined ? (erratum ?? "all") : `p${number}`;
  const suffix = number === undefined ? (rest ?? `.${id}`) : "";
  return `${name}.witness${suffix}`;
}

/** Of `11` the patch, of `E3.wrap` the erratum and the rest, of `gone-entry` nothing. */
function partsOf(id: string): { number?: string; erratum?: string; rest?: string } {
  return /^(?:(?<number>\d\d)|(?<erratum>E\d)(?<rest>.*))$/.exec(id)?.groups ?? {};
}

/**
 * The shortest witness of an obligation as a case that any runner can follow: of a livelock, a way
 * into it and twenty rounds. Null for a known-bad variant, which is on no layer.
 */
export function witnessCase(obligation: Obligation): Case | null {
  const { title, why, scenario, reachable } = obligation;
  const id = witnessId(obligation);
  if (id === null) return null;
  const subject = reachable[0]!;
  const steps = stepsOf(obligation, composeSubject(subject));
  const { layer, without, slips = [] } = subject;
  const { number, erratum } = partsOf(obligation.id);
  return {
    id,
    title,
    why,
    patch: Number(number ?? (erratum === undefined ? 0 : layer)),
    ...(erratum !== undefined && { erratum: erratum as ErratumId }),
    function: obligation.function,
    proof: "witness",
    layers: { from: layer, to: layer },
    ...(without !== undefined && { without: [...without] }),
    profile: slips.length > 0 ? "merged" : "promised",
    machine: scenario.machine,
    steps,
  };
}

function stepsOf(obligation: Obligation, composition: Composition): Step[] {
  const { scenario } = obligation;
  const property = propertyOf(obligation);
  if (property === null) {
    return lassoSteps(composition, scenario, searchProgress(composition, scenario).livelock!);
  }
  const witness = shortestWitness(composition, scenario, property)!;
  return witnessSteps(composition, scenario, witness, property.inCase);
}
