import type { ErratumId } from "../reference/patch.ts";
import { type Composition, LAST_LAYER } from "../reference/compose.ts";
import { isAbsent, type OperationName } from "../reference/operations.ts";
import type { Case } from "../scenario/case.generated.ts";
import {
  type Candidate,
  composeCandidate,
  ERRATUM_PARTS,
  nearest,
  type Nearest,
  type Observed,
  type Part,
  PATCH_PARTS,
  toggled,
} from "./candidate.ts";
import { appliesTo, holds, isDeclared } from "./matrix.ts";
import { layer, PROFILES } from "./profiles.ts";
import type { CaseResult } from "./run-cases.ts";

/** Whether an implementation behaves as having a part, or why nobody can tell. */
export type Finding =
  | { readonly part: Part; readonly state: "present" | "absent"; readonly by: readonly string[] }
  | {
      readonly part: Part;
      readonly state: "undetermined";
      /** Cases that would tell but were not assessed, with what is missing for them; or none. */
      readonly missing: readonly string[];
    };

export interface Identification {
  readonly candidate: Candidate;
  /** The layer that the candidate is, if it is one. */
  readonly layer: number | null;
  readonly findings: readonly Finding[];
  readonly assessed: number;
  /** What tells the implementation from the candidate; empty if nothing does. */
  readonly divergences: readonly CaseResult[];
}

/** Finds the patches and errata that an implementation behaves as having. */
export function identify(results: readonly CaseResult[]): Identification {
  const assessed = results.filter(isAssessed);
  const observed: Observed = new Map(
    assessed.map(({ scenario, verdict }) => [scenario, verdict === "conforms"]),
  );
  const found = nearestOf(nearestLayers(observed), observed);
  const { candidate } = found;
  const wrong = new Set(found.disagreements);
  const parts = [...PATCH_PARTS, ...ERRATUM_PARTS];
  return {
    candidate,
    layer: layerOf(candidate.patches),
    findings: findingsOf(candidate, parts, results),
    assessed: assessed.length,
    divergences: assessed.filter(({ scenario }) => wrong.has(scenario)),
  };
}

/** The best that can be reached from any of the starts. */
function nearestOf(starts: readonly Candidate[], observed: Observed): Nearest {
  let best: Nearest | null = null;
  for (const start of starts) {
    const next = nearest(start, [...ERRATUM_PARTS, ...PATCH_PARTS.toReversed()], observed);
    if (next.disagreements.length < (best?.disagreements.length ?? Infinity)) best = next;
    if (best?.disagreements.length === 0) break;
  }
  return best!;
}

function layerOf(patches: ReadonlySet<number>): number | null {
  const last = Math.max(0, ...patches);
  return last === patches.size ? last : null;
}

/**
 * The layers that come closest by what the cases declare: as promised and as merged, the closer one
 * first.
 */
function nearestLayers(observed: Observed): Candidate[] {
  const starts = PROFILES.map((profile) => {
    let best = { number: 0, wrong: Infinity };
    for (let number = 0; number <= LAST_LAYER; number++) {
      let wrong = 0;
      for (const [scenario, satisfied] of observed) {
        if (scenario.erratum !== undefined || scenario.without !== undefined) continue;
        if (!appliesTo(scenario, profile)) continue;
        if (isDeclared(scenario, number) !== satisfied) wrong++;
      }
      if (wrong < best.wrong) best = { number, wrong };
    }
    const { patches, slips } = layer(best.number, profile);
    const start: Candidate = { patches: new Set(patches), errata: new Set<ErratumId>(slips) };
    return { start, wrong: best.wrong };
  });
  return starts.sort((a, b) => a.wrong - b.wrong).map(({ start }) => start);
}

/** Whether something that was observed would be otherwise with a part toggled. */
function findingsOf(
  candidate: Candidate,
  parts: readonly Part[],
  results: readonly CaseResult[],
): Finding[] {
  const here = composeCandidate(candidate);
  const holdsHere = new Map(results.map(({ scenario }) => [scenario, holds(scenario, here)]));
  return parts.map((part) => {
    const has = typeof part === "number" ? candidate.patches.has(part) : candidate.errata.has(part);
    const other = composeCandidate(toggled(candidate, part));
    const missing = new Set<string>();
    // Cases of the part itself are the likeliest to tell.
    const ordered = [...results].sort(
      (a, b) => Number(isAbout(b, part)) - Number(isAbout(a, part)),
    );
    for (const result of isSame(here, other) ? [] : ordered) {
      const { scenario } = result;
      if (holds(scenario, other) === holdsHere.get(scenario)) continue;
      if (isAssessed(result)) {
        return { part, state: has ? "present" : "absent", by: [scenario.id] };
      }
      for (const name of result.missing) missing.add(name);
    }
    return { part, state: "undetermined", missing: [...missing].sort() };
  });
}

/** Whether two compositions are made of the very same functions: then nothing can tell them. */
function isSame(one: Composition, other: Composition): boolean {
  const names = Object.keys(one.ops) as OperationName[];
  const isAlike = (name: OperationName): boolean =>
    one.ops[name] === other.ops[name] || (isAbsent(one.ops[name]) && isAbsent(other.ops[name]));
  return names.every(isAlike) && String(one.order) === String(other.order);
}

const isAssessed = ({ verdict }: CaseResult): boolean =>
  verdict === "conforms" || verdict === "fails";

const isAbout = ({ scenario }: { scenario: Case }, part: Part): boolean =>
  scenario.patch === part || scenario.erratum === part;
