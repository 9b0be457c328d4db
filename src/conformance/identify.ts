import { LAST_LAYER } from "../reference/compose.ts";
import type { ErratumId } from "../reference/patch.ts";
import type { Case, Step } from "../scenario/case.generated.ts";
import {
  type Candidate,
  composeCandidate,
  ERRATUM_PARTS,
  has,
  layerOf,
  type Part,
  PATCH_PARTS,
  toggled,
} from "./candidate.ts";
import { treeOf } from "./case-tree.ts";
import {
  affected,
  agrees,
  explanation,
  mostExplaining,
  type Observation,
  outcomeFor,
} from "./explain.ts";
import { appliesTo, isDeclared } from "./matrix.ts";
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
  /** The lowest of the layers below; if there is none, the set of patches that explains most. */
  readonly candidate: Candidate;
  /** The layer that the candidate is, if it is one. */
  readonly layer: number | null;
  /** The layers that explain as much as anything does, each with errata of its own. */
  readonly layers: readonly number[];
  /** Of all patches, and of the errata that what explains as much can have. */
  readonly findings: readonly Finding[];
  readonly assessed: number;
  /** What tells the implementation from the candidate; empty if nothing does. */
  readonly divergences: readonly CaseResult[];
}

/** What a case was seen to do. */
interface Seen extends Observation {
  readonly scenario: Case;
}

/** Finds the patches and errata that an implementation behaves as having. */
export function identify(results: readonly CaseResult[]): Identification {
  const assessed = results.filter(isAssessed);
  const seen = assessed
    .map(({ scenario, verdict }): Seen => {
      return { scenario, tree: treeOf(scenario), holds: verdict === "conforms" };
    })
    .sort((a, b) => effort(a.scenario) - effort(b.scenario));
  const nearest = mostExplaining(seen, nearestLayers(seen));
  // What nothing explains together with the rest is no evidence of anything.
  const explained = seen.filter((each) => agrees(each, nearest));
  const layers = layersThatExplain(explained);
  const candidate = effective(layers[0] ?? nearest);
  const wrong = new Set(seen.filter((each) => !agrees(each, candidate)).map((of) => of.scenario));
  return {
    candidate,
    layer: numberOf(candidate),
    layers: layers.map(({ patches }) => patches.size),
    findings: new Parts([candidate, ...layers], explained, results).findings(),
    assessed: assessed.length,
    divergences: assessed.filter(({ scenario }) => wrong.has(scenario)),
  };
}

/** Cases that tell much for little come first: the number of steps, and what holds anywhere last. */
function effort({ steps, proof }: Case): number {
  return count(steps) + (proof === "invariant" ? 1e9 : 0);
}

const count = (steps: readonly Step[]): number =>
  steps.reduce((sum, step) => {
    if (step.do === "repeat") return sum + step.times * count(step.steps);
    if (step.do === "threads") return sum + 10 * Object.values(step.threads).flat().length;
    return sum + 1;
  }, 0);

function numberOf({ patches }: Candidate): number | null {
  const last = Math.max(0, ...patches);
  return last === patches.size ? last : null;
}

/** A candidate without errata that do not affect its patches. */
function effective(candidate: Candidate): Candidate {
  const { patches, slips, remedies } = composeCandidate(candidate);
  return { patches: new Set(patches), errata: new Set([...slips, ...remedies]) };
}

/** The layers, as promised and as merged, the closest first by what the cases declare. */
function nearestLayers(seen: readonly Seen[]): Candidate[] {
  const starts = PROFILES.flatMap((profile) =>
    Array.from({ length: LAST_LAYER + 1 }, (_, number) => {
      const relevant = seen.filter(
        ({ scenario }) =>
          (scenario.erratum ?? scenario.without) === undefined && appliesTo(scenario, profile),
      );
      const right = relevant.filter(
        ({ scenario, holds }) => isDeclared(scenario, number) === holds,
      );
      const { patches, slips } = layer(number, profile);
      const start: Candidate = { patches: new Set(patches), errata: new Set(slips) };
      return { start, wrong: relevant.length - right.length };
    }),
  );
  return starts.sort((a, b) => a.wrong - b.wrong).map(({ start }) => start);
}

/** The layers that, with some errata, do all that was observed; each with as few as it takes. */
function layersThatExplain(explained: readonly Observation[]): Candidate[] {
  return Array.from({ length: LAST_LAYER + 1 }, (_, number) => {
    const bare = { patches: layerOf(number), errata: new Set<ErratumId>() };
    return explanation(explained, bare, { fixed: ALL_PATCHES, changes: ERRATUM_PARTS.length });
  }).filter((candidate) => candidate !== null);
}

const ALL_PATCHES: ReadonlySet<Part> = new Set(PATCH_PARTS);

/** Finds out of each part whether all that is explained could be so, too, with it otherwise. */
class Parts {
  /** Candidates that explain the same. */
  readonly #equals: Candidate[];
  readonly #explained: readonly Seen[];
  readonly #unseen: readonly CaseResult[];

  constructor(
    equals: readonly Candidate[],
    explained: readonly Seen[],
    results: readonly CaseResult[],
  ) {
    this.#equals = [...equals];
    this.#explained = explained;
    this.#unseen = results.filter((result) => !isAssessed(result));
  }

  findings(): Finding[] {
    const [candidate] = this.#equals as [Candidate];
    const ofPatches = PATCH_PARTS.map((part) => this.#finding(part, candidate));
    // What none of them can have need not be spoken of.
    const ofErrata = ERRATUM_PARTS.flatMap((id) => {
      const bearer = this.#equals.find((each) => affected(each, id));
      return bearer === undefined ? [] : [this.#finding(id, bearer)];
    });
    return [...ofPatches, ...ofErrata];
  }

  #finding(part: Part, candidate: Candidate): Finding {
    const explained = this.#explained;
    const otherwise = toggled(candidate, part);
    // Cases of the part itself are the likeliest to tell, and to convince.
    const ordered = explained.toSorted(
      (a, b) => Number(isAbout(b.scenario, part)) - Number(isAbout(a.scenario, part)),
    );
    const other = explanation(ordered, otherwise, { fixed: new Set([part]) });
    if (other !== null) {
      this.#equals.push(other);
      return { part, state: "undetermined", missing: this.#missingToTell(candidate, other) };
    }
    const { scenario } = ordered.find((each) => !agrees(each, otherwise))!;
    const state = has(candidate, part) ? "present" : "absent";
    return { part, state, by: [scenario.id] };
  }

  /** What is missing for the cases that would tell one candidate from another. */
  #missingToTell(one: Candidate, other: Candidate): string[] {
    const telling = this.#unseen.filter(({ scenario }) => {
      const tree = treeOf(scenario);
      return outcomeFor(tree, one).holds !== outcomeFor(tree, other).holds;
    });
    return [...new Set(telling.flatMap(({ missing }) => missing))].sort();
  }
}

const isAssessed = ({ verdict }: CaseResult): boolean =>
  verdict === "conforms" || verdict === "fails";

const isAbout = ({ patch, erratum }: Case, part: Part): boolean =>
  patch === part || erratum === part;
