import type { Implementation } from "../adapters/implementation.ts";
import { SLIPS } from "../reference/errata/index.ts";
import type { Case } from "../scenario/case.generated.ts";
import { type Candidate, composeCandidate, ERRATUM_PARTS, nearest } from "./candidate.ts";
import { type Claim, mustHold } from "./claim.ts";
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
  const { composition } = claim;
  const ofErrata = cases.filter(
    ({ erratum, patch }) =>
      findErrata && erratum !== undefined && (patch === 0 || composition.patches.includes(patch)),
  );
  const first = await runAll(workers, ofErrata.filter(canRun), signal);
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

/** The errata with which the claim explains best how the cases about errata went. */
function withErrata(claim: Claim, results: readonly CaseResult[]): Claim {
  const { patches, slips, remedies } = claim.composition;
  const start: Candidate = { patches: new Set(patches), errata: new Set([...slips, ...remedies]) };
  const observed = new Map(
    results
      .filter(({ verdict }) => verdict === "conforms" || verdict === "fails")
      .map(({ scenario, verdict }) => [scenario, verdict === "conforms"] as const),
  );
  const { candidate } = nearest(start, ERRATUM_PARTS, observed);
  return { composition: composeCandidate(candidate), layer: claim.layer };
}

/** A case about an erratum that conforms says which way the implementation is. */
function verdictOf({ verdict, scenario: { erratum, proof } }: CaseResult): Verdict {
  if (verdict !== "conforms" || erratum === undefined) return verdict;
  const isSlip = SLIPS.includes(erratum);
  if (proof === "defect" && isSlip) return "has-slip";
  return proof === "mended" && !isSlip ? "has-remedy" : verdict;
}
