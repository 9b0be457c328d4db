import type { ErratumId } from "../reference/patch.ts";
import type { Case } from "../scenario/case.generated.ts";
import { composeSubject, type Obligation, propertyOf } from "./obligation.ts";
import { shortestWitness, witnessSteps } from "./witness.ts";

/**
 * The shortest witness of an obligation as a case that any runner can follow; null where there is
 * none: a livelock has no end, and a known-bad variant is on no layer.
 */
export function witnessCase(obligation: Obligation): Case | null {
  const { id, title, why, scenario, reachable } = obligation;
  const subject = reachable[0]!;
  const property = propertyOf(obligation);
  if (property === null || subject.mutant !== undefined) return null;
  const composition = composeSubject(subject);
  const witness = shortestWitness(composition, scenario, property);
  if (witness === null) return null;
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
    steps: witnessSteps(composition, scenario, witness, property.inCase),
  };
}
