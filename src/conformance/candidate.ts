import { type Composition, composeSet, LAST_LAYER } from "../reference/compose.ts";
import { GAPS, SLIPS } from "../reference/errata/index.ts";
import { patches } from "../reference/layers/index.ts";
import type { ErratumId, PartId } from "../reference/patch.ts";

/** What an implementation might be: patches, slips, remedies. */
export interface Candidate {
  readonly patches: ReadonlySet<number>;
  readonly errata: ReadonlySet<ErratumId>;
}

/** A patch or an erratum that a candidate may have or not. */
export type Part = PartId;

export const PATCH_PARTS: readonly number[] = Array.from({ length: LAST_LAYER }, (_, i) => i + 1);
export const ERRATUM_PARTS: readonly ErratumId[] = [...SLIPS, ...GAPS];
export const PARTS: readonly Part[] = [...PATCH_PARTS, ...ERRATUM_PARTS];

export const has = ({ patches: set, errata }: Candidate, part: Part): boolean =>
  typeof part === "number" ? set.has(part) : errata.has(part);

/** The first patches of the series. */
export const layerOf = (layer: number): ReadonlySet<number> => new Set(PATCH_PARTS.slice(0, layer));

/** The same candidate with one part more or less; patches drag along those that need each other. */
export function toggled(candidate: Candidate, part: Part): Candidate {
  const isThere = !has(candidate, part);
  const changed = {
    patches: new Set<Part>(candidate.patches),
    errata: new Set<Part>(candidate.errata),
  };
  for (const each of impliedBy(part, isThere)) {
    const set = changed[typeof each === "number" ? "patches" : "errata"];
    if (isThere) set.add(each);
    else set.delete(each);
  }
  return changed as unknown as Candidate;
}

/** The parts that are there when one is, itself included; or that are not when it is not. */
export function impliedBy(part: Part, isThere: boolean): readonly Part[] {
  return (isThere ? NEEDS : NEEDED_BY).get(part) ?? [part];
}

function closure(of: (number: number) => readonly number[]): ReadonlyMap<Part, readonly Part[]> {
  const reached = (number: number): number[] => [
    ...new Set([number, ...of(number).flatMap(reached)]),
  ];
  return new Map(PATCH_PARTS.map((number) => [number, reached(number)]));
}

const needsOf = (number: number): number[] =>
  Object.keys(patches[number - 1]!.requires).map(Number);

const NEEDS = closure(needsOf);
const NEEDED_BY = closure((number) =>
  PATCH_PARTS.filter((other) => needsOf(other).includes(number)),
);

export function composeCandidate({ patches: set, errata }: Candidate): Composition {
  return composeSet(set, {
    slips: SLIPS.filter((id) => errata.has(id)),
    remedies: GAPS.filter((id) => errata.has(id)),
  });
}
