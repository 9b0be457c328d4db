import type { SuitesRun, Verdict } from "../../src/index.ts";

/** The ids of the cases with a verdict, in order. */
export const idsOf = ({ results }: SuitesRun, verdict: Verdict): string[] =>
  results
    .filter((result) => result.verdict === verdict)
    .map(({ scenario }) => scenario.id)
    .sort();

/** The verdicts in a run. */
export const verdictsOf = ({ results }: SuitesRun): Set<Verdict> =>
  new Set(results.map(({ verdict }) => verdict));
