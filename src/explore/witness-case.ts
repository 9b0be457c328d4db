import type { ErratumId } from "../reference/patch.ts";
import type { Composition } from "../reference/compose.ts";
import type { Case, Step } from "../scenario/case.generated.ts";
import { searchProgress } from "./livelock.ts";
import { composeSubject, type Obligation, propertyOf } from "./obligation.ts";
import { lassoSteps, shortestWitness, witnessSteps } from "./witness.ts";

/**
 * The shortest witness of an obligation as a case that any runner can follow: of a livelock, a way
 * into it and twenty rounds. Null for a known-bad variant, which is on no layer.
 */
export function witnessCase(obligation: Obligation): Case | null {
  const { id, title, why, scenario, reachable } = obligation;
  const subject = reachable[0]!;
  if (subject.mutant !== undefined) return null;
  const steps = stepsOf(obligation, composeSubject(subject));
  const { layer, slips = [] } = subject;
  const [, number] = /^(\d\d)$/.exec(id) ?? [];
  const [, erratum, rest] = /^(E\d)(.*)$/.exec(id) ?? [];
  const name = number === undefined ? (erratum ?? "all") : `p${number}`;
  const suffix = number === undefined ? (rest ?? `.${id}`) : "";
  return {
    id: `${name}.witness${suffix}`,
    title,
    why,
    patch: Number(number ?? (erratum === undefined ? 0 : layer)),
    ...(erratum !== undefined && { erratum: erratum as ErratumId }),
    function: obligation.function,
    proof: "witness",
    layers: { from: layer, to: layer },
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
