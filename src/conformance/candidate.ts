import { type Composition, composeSet, LAST_LAYER } from "../reference/compose.ts";
import { GAPS, SLIPS } from "../reference/errata/index.ts";
import { patches } from "../reference/layers/index.ts";
import type { ErratumId } from "../reference/patch.ts";
import type { Case } from "../scenario/case.generated.ts";
import { holds } from "./matrix.ts";

/** What an implementation might be: patches, slips, remedies. */
export interface Candidate {
  readonly patches: ReadonlySet<number>;
  readonly errata: ReadonlySet<ErratumId>;
}

/** A patch or an erratum that a candidate may have or not. */
export type Part = number | ErratumId;

export const PATCH_PARTS: readonly Part[] = Array.from({ length: LAST_LAYER }, (_, i) => i + 1);
export const ERRATUM_PARTS: readonly Part[] = [...SLIPS, ...GAPS];
export const PARTS: readonly Part[] = [...PATCH_PARTS, ...ERRATUM_PARTS];

/** Which of its cases an implementation satisfies. */
export type Observed = ReadonlyMap<Case, boolean>;

/** The same candidate with one part more or less; patches drag along those that need each other. */
export function toggled({ patches: set, errata }: Candidate, part: Part): Candidate {
  if (typeof part === "string") {
    const changed = new Set(errata);
    if (!changed.delete(part)) changed.add(part);
    return { patches: set, errata: changed };
  }
  const changed = new Set(set);
  if (changed.has(part)) remove(part, changed);
  else add(part, changed);
  return { patches: changed, errata };
}

function add(number: number, set: Set<number>): void {
  set.add(number);
  for (const needed of neededBy(number)) if (!set.has(needed)) add(needed, set);
}

function remove(number: number, set: Set<number>): void {
  set.delete(number);
  for (const other of [...set]) if (neededBy(other).includes(number)) remove(other, set);
}

const neededBy = (number: number): number[] =>
  Object.keys(patches[number - 1]!.requires).map(Number);

export function composeCandidate({ patches: set, errata }: Candidate): Composition {
  return composeSet(set, {
    slips: SLIPS.filter((id) => errata.has(id)),
    remedies: GAPS.filter((id) => errata.has(id)),
  });
}

/**
 * The cases in which the reference, made as the candidate says, does otherwise than was observed.
 * @param most gives up as soon as there are more.
 */
export function disagreements(
  candidate: Candidate,
  observed: Iterable<readonly [Case, boolean]>,
  most = Infinity,
): Case[] {
  const composition = composeCandidate(candidate);
  const found: Case[] = [];
  for (const [scenario, satisfied] of observed) {
    if (holds(scenario, composition) === satisfied) continue;
    found.push(scenario);
    if (found.length > most) break;
  }
  return found;
}

export interface Nearest {
  readonly candidate: Candidate;
  /** The cases that tell the implementation from it. */
  readonly disagreements: readonly Case[];
}

/**
 * Goes from a candidate to better ones, a part at a time, as long as that explains more of what was
 * observed.
 */
export function nearest(start: Candidate, parts: readonly Part[], observed: Observed): Nearest {
  let best: Nearest = { candidate: start, disagreements: disagreements(start, observed) };
  while (best.disagreements.length > 0) {
    const wrong = new Set(best.disagreements);
    // What a better candidate must explain comes first.
    const ordered = [...observed].sort(([a], [b]) => Number(wrong.has(b)) - Number(wrong.has(a)));
    let better: Nearest | null = null;
    for (const part of parts) {
      const candidate = toggled(best.candidate, part);
      const most = (better ?? best).disagreements.length - 1;
      const left = disagreements(candidate, ordered, most);
      if (left.length <= most) better = { candidate, disagreements: left };
      if (left.length === 0) break;
    }
    if (better === null) break;
    best = better;
  }
  return best;
}
