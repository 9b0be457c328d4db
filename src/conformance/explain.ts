import { errata } from "../reference/errata/index.ts";
import type { ErratumId } from "../reference/patch.ts";
import {
  type Candidate,
  ERRATUM_PARTS,
  has,
  type Part,
  PATCH_PARTS,
  toggled,
} from "./candidate.ts";
import type { CaseTree, Outcome } from "./case-tree.ts";

/** What was seen of an implementation: whether something holds for it. */
export interface Observation {
  readonly tree: CaseTree;
  readonly holds: boolean;
}

export const outcomeFor = (tree: CaseTree, candidate: Candidate): Outcome =>
  tree.outcome((part) => has(candidate, part));

export const agrees = ({ tree, holds }: Observation, candidate: Candidate): boolean =>
  outcomeFor(tree, candidate).holds === holds;

export interface Limits {
  /** Parts that stay as they are. */
  readonly fixed?: ReadonlySet<Part>;
  /** How many things are mended, one after the other; 2 if left out. */
  readonly changes?: number;
  /** Whether two parts are changed at a time where one mends nothing. */
  readonly pairs?: boolean;
}

/**
 * Finds a candidate that does all that was observed, from another one on: what is not explained is
 * mended by a part that it asks for, as long as something is not.
 * @returns null if no candidate is found.
 */
export function explanation(
  observed: readonly Observation[],
  from: Candidate,
  { fixed = new Set(), changes = 2, pairs = false }: Limits = {},
): Candidate | null {
  const wrong = observed.find((each) => !agrees(each, from));
  if (wrong === undefined) return from;
  if (changes === 0) return null;
  // What is wrong here is the likeliest to be wrong with what comes next.
  const ordered = [wrong, ...observed.filter((each) => each !== wrong)];
  for (const { next, by } of mended(wrong, from, fixed, pairs ? 2 : 1)) {
    const limits = { fixed: new Set([...fixed, ...by]), changes: changes - 1, pairs };
    const found = explanation(ordered, next, limits);
    if (found !== null) return found;
  }
  return null;
}

interface Mended {
  readonly next: Candidate;
  /** The parts that were changed for it, without those that they drag along. */
  readonly by: readonly Part[];
}

/** What explains something, by one change or by `most`. */
function* mended(
  wrong: Observation,
  from: Candidate,
  fixed: ReadonlySet<Part>,
  most: number,
): Generator<Mended> {
  const { asked } = outcomeFor(wrong.tree, from);
  const steps = asked
    .filter((part) => !fixed.has(part))
    .flatMap((part) => moves(from, part).map((next) => ({ next, by: [part] })))
    .filter(({ next }) => [...fixed].every((each) => has(next, each) === has(from, each)));
  const others: Mended[] = [];
  for (const step of steps) {
    if (agrees(wrong, step.next)) yield step;
    else others.push(step);
  }
  if (most === 1) return;
  for (const { next, by } of others) {
    for (const more of mended(wrong, next, new Set([...fixed, ...by]), most - 1)) {
      yield { next: more.next, by: [...by, ...more.by] };
    }
  }
}

/** A part more or less; a patch also with an erratum that makes no difference without it. */
function moves(from: Candidate, part: Part): Candidate[] {
  const next = toggled(from, part);
  const possible = ERRATUM_PARTS.filter((id) => !affected(from, id) && affected(next, id));
  return [next, ...possible.map((id) => toggled(next, id))];
}

/** Whether an erratum makes a difference to the patches of a candidate. */
export function affected(candidate: Candidate, id: ErratumId): boolean {
  const { affects } = errata.find((each) => each.id === id)!;
  return affects((number) => candidate.patches.has(number), candidate.errata);
}

/** The errata that make a difference to some patches, whatever other errata there are. */
export const affectingErrata = (patches: ReadonlySet<number>): ErratumId[] =>
  ERRATUM_PARTS.filter((id) => affected({ patches, errata: new Set() }, id));

/** Those of some candidates that leave least unexplained. */
export function leastWrong(
  observed: readonly Observation[],
  candidates: readonly Candidate[],
): Candidate[] {
  const counted = candidates.map((candidate) => {
    return { candidate, wrong: wrongWith(candidate, observed).length };
  });
  const least = Math.min(...counted.map(({ wrong }) => wrong));
  return counted.filter(({ wrong }) => wrong === least).map(({ candidate }) => candidate);
}

/**
 * A candidate that explains everything, if one is found; else one that explains so much that no
 * other is found that explains the same and more, the best of those that are reached from several
 * starts.
 */
export function mostExplaining(
  observed: readonly Observation[],
  starts: readonly Candidate[],
): Candidate {
  const whole = starts.find((start) => observed.every((each) => agrees(each, start)));
  if (whole !== undefined) return whole;
  let best: Reached | null = null;
  for (const start of starts.slice(0, STARTS)) {
    const reached = climbed(observed, start);
    if (best === null || reached.wrong.length < best.wrong.length) best = reached;
    if (best.wrong.length === 0) break;
  }
  return grown(observed, best!);
}

/** How many starts are tried where none explains everything. */
const STARTS = 6;

/** Of two changes that explain as much the later patch is the smaller: less depends on it. */
const CHANGES: readonly Part[] = [...ERRATUM_PARTS, ...PATCH_PARTS.toReversed()];

interface Reached {
  readonly candidate: Candidate;
  /** What it does not explain. */
  readonly wrong: readonly Observation[];
}

/** Makes the one change that explains most, and again, as long as there is one. */
function climbed(observed: readonly Observation[], start: Candidate): Reached {
  let best: Reached = { candidate: start, wrong: wrongWith(start, observed) };
  let next: Reached | null = best;
  while (next !== null && next.wrong.length > 0) {
    best = next;
    next = null;
    const wrong = new Set(best.wrong);
    // What a better candidate must explain comes first.
    const ordered = [...best.wrong, ...observed.filter((each) => !wrong.has(each))];
    for (const candidate of CHANGES.flatMap((part) => moves(best.candidate, part))) {
      const most = (next ?? best).wrong.length - 1;
      const left = wrongWith(candidate, ordered, most);
      if (left.length <= most) next = { candidate, wrong: left };
    }
  }
  return next ?? best;
}

/** @param most gives up as soon as there are more. */
function wrongWith(
  candidate: Candidate,
  observed: readonly Observation[],
  most = Infinity,
): Observation[] {
  const wrong: Observation[] = [];
  for (const each of observed) {
    if (agrees(each, candidate)) continue;
    wrong.push(each);
    if (wrong.length > most) break;
  }
  return wrong;
}

/** Explains one thing more, and all that was explained before, as long as that is possible. */
function grown(observed: readonly Observation[], { candidate, wrong }: Reached): Candidate {
  let best = candidate;
  for (const wanted of wrong) {
    if (agrees(wanted, best)) continue;
    const explained = observed.filter((each) => agrees(each, best));
    best = explanation([wanted, ...explained], best, { pairs: true }) ?? best;
  }
  return best;
}
