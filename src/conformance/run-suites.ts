import type { Implementation } from "../adapters/implementation.ts";
import { SLIPS } from "../reference/errata/index.ts";
import type { Case } from "../scenario/case.generated.ts";
import { type Candidate, composeCandidate, toggled } from "./candidate.ts";
import { treeOf } from "./case-tree.ts";
import { type Claim, mustHold } from "./claim.ts";
import { affectingErrata, leastWrong, outcomeFor } from "./explain.ts";
import { lackedBy } from "./harness.ts";
import { type CaseResult, explained, runCase, type Verdict } from "./run-cases.ts";

export interface SuitesOptions {
  readonly cases: readonly Case[];
  /** What the implementation is said to be. */
  readonly claim: Claim;
  /** Whether to find out which errata it has, instead of taking the claim's. */
  readonly findErrata: boolean;
  /** Whether somebody has chosen the cases, so that they run whether or not they must hold. */
  readonly chosen?: boolean;
  /** Told each result as it comes. */
  readonly onResult?: (result: CaseResult, total: number) => void;
  /** Whether a case can be run; those that cannot are left. All can, if left out. */
  readonly canRun?: (scenario: Case) => boolean;
  /** Stops the run; what has run so far is returned. */
  readonly signal?: AbortSignal;
}

export interface SuitesRun {
  /** The claim, with the errata that were found. */
  readonly claim: Claim;
  readonly results: readonly CaseResult[];
  /** Cases that were not run, because somebody stopped the run or they cannot be run. */
  readonly left: readonly Case[];
}

/**
 * Runs the cases that must hold for what an implementation is said to be.
 * @param workers the same implementation, as many times as cases may run side by side.
 */
export async function runSuites(
  workers: readonly Implementation[],
  { cases, claim, findErrata, chosen = false, canRun = () => true, ...others }: SuitesOptions,
): Promise<SuitesRun> {
  const { onResult, signal } = others;
  const known = new Map<Case, CaseResult>();
  const telling = findErrata ? cases.filter(canRun).filter(tellsErrata(claim, workers[0])) : [];
  const first = await runAll(workers, telling, signal);
  for (const result of first) known.set(result.scenario, result);
  const refined = findErrata ? withErrata(claim, first) : claim;

  const wanted = cases.filter(
    (scenario) => (chosen && scenario.erratum === undefined) || mustHold(scenario, refined),
  );
  const tell = (result: CaseResult): void => {
    onResult?.(result, wanted.length);
  };
  for (const result of first) if (wanted.includes(result.scenario)) tell(result);
  const rest = wanted.filter((scenario) => !known.has(scenario) && canRun(scenario));
  for (const result of await runAll(workers, rest, signal, tell)) {
    known.set(result.scenario, result);
  }
  const results = wanted.flatMap((scenario) => {
    const result = known.get(scenario);
    return result === undefined ? [] : [explained({ ...result, verdict: verdictOf(result) })];
  });
  const left = wanted.filter((scenario) => !known.has(scenario));
  return { claim: refined, results, left };
}

/** Runs cases on whichever worker is free. */
export async function runAll(
  workers: readonly Implementation[],
  cases: readonly Case[],
  signal?: AbortSignal,
  onResult?: (result: CaseResult) => void,
): Promise<CaseResult[]> {
  const results: (CaseResult | undefined)[] = cases.map(() => undefined);
  let next = 0;
  const work = async (worker: Implementation): Promise<void> => {
    while (next < cases.length && !isStopped(signal)) {
      const at = next++;
      const result = await runCase(cases[at]!, worker);
      // A case that was being run when the run was stopped says nothing.
      if (isStopped(signal)) return;
      results[at] = result;
      onResult?.(result);
    }
  };
  await Promise.all(workers.map(work));
  return results.filter((result) => result !== undefined);
}

const isStopped = (signal: AbortSignal | undefined): boolean => signal?.aborted === true;

/** Whether how a case goes, where it can be assessed, depends on the errata of what is claimed. */
function tellsErrata(claim: Claim, worker: Implementation | undefined) {
  const candidate = candidateOf(claim);
  const others = affectingErrata(candidate.patches).map((id) => toggled(candidate, id));
  return (scenario: Case): boolean => {
    const { erratum, patch } = scenario;
    if (patch !== 0 && !candidate.patches.has(patch)) return false;
    if (erratum !== undefined) return true;
    if (worker === undefined || lackedBy(worker, scenario).length > 0) return false;
    const tree = treeOf(scenario);
    const { holds } = outcomeFor(tree, candidate);
    return others.some((other) => outcomeFor(tree, other).holds !== holds);
  };
}

/** The claim with the errata without which nothing explains as much of how these cases went. */
function withErrata(claim: Claim, results: readonly CaseResult[]): Claim {
  const assessed = results.filter(({ verdict }) => verdict === "conforms" || verdict === "fails");
  const observed = assessed.map(({ scenario, verdict }) => {
    return { tree: treeOf(scenario), holds: verdict === "conforms" };
  });
  const { patches } = candidateOf(claim);
  const choices = subsets(affectingErrata(patches)).map((ids) => ({
    patches,
    errata: new Set(ids),
  }));
  const [first, ...others] = leastWrong(observed, choices);
  const errata = [...first!.errata].filter((id) => others.every((each) => each.errata.has(id)));
  return {
    composition: composeCandidate({ patches, errata: new Set(errata) }),
    layer: claim.layer,
  };
}

function candidateOf({ composition: { patches, slips, remedies } }: Claim): Candidate {
  return { patches: new Set(patches), errata: new Set([...slips, ...remedies]) };
}

const subsets = <T>(all: readonly T[]): T[][] =>
  all.reduce<T[][]>((some, each) => [...some, ...some.map((set) => [...set, each])], [[]]);

/** A case about an erratum that conforms says which way the implementation is. */
function verdictOf({ verdict, scenario: { erratum, proof } }: CaseResult): Verdict {
  if (verdict !== "conforms" || erratum === undefined) return verdict;
  const isSlip = SLIPS.includes(erratum);
  if (proof === "defect" && isSlip) return "has-slip";
  return proof === "mended" && !isSlip ? "has-remedy" : verdict;
}
