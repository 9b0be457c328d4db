import type { Deviation } from "../conformance/deviations.ts";
import { type CaseResult, isGood, type Verdict } from "../conformance/run-cases.ts";
import { slugOf, titleOf } from "../scenario/suites.ts";
import { plural } from "./table.ts";

/** What a run has found out. */
export interface RunReport {
  /** Who was under test. */
  readonly implementation: { readonly name: string; readonly version: string };
  /** What it was judged as, in words. */
  readonly claim: string;
  readonly results: readonly CaseResult[];
  /** Cases of the claimed patches that say something about other compositions. */
  readonly leftOut: number;
  /** Cases that were not run: somebody stopped the run, or a transcript does not have them. */
  readonly notRun: number;
  /** How often a process of the implementation was started again. */
  readonly restarts: number;
  /** Known deviations of which nothing was seen: they have to go. */
  readonly unseen: readonly Deviation[];
}

/** Verdicts in the order in which they are counted up, and how they are told. */
export const VERDICTS: Readonly<Record<Verdict, string>> = {
  conforms: "conform",
  "has-slip": "with a slip",
  "has-remedy": "with a remedy",
  deviates: "known to deviate",
  fails: "fail",
  "unexpected-pass": "unexpectedly pass",
  crashed: "crashed",
  "timed-out": "timed out",
  "protocol-error": "protocol error",
  "not-assessed": "not assessed",
};

/** How many results there are of each verdict. */
export function countVerdicts(results: readonly CaseResult[]): Readonly<Record<Verdict, number>> {
  const counts = Object.fromEntries(Object.keys(VERDICTS).map((verdict) => [verdict, 0]));
  for (const { verdict } of results) counts[verdict] = (counts[verdict] ?? 0) + 1;
  return counts as Record<Verdict, number>;
}

/** Results that somebody has to look at. */
export const badResults = (results: readonly CaseResult[]): CaseResult[] =>
  results.filter(({ verdict }) => !isGood(verdict) && verdict !== "not-assessed");

/**
 * The capabilities that cases were not assessed for: what was found out on the way and has no name
 * comes first, then the one that most need.
 */
export function missingCapabilities(
  results: readonly CaseResult[],
): [name: string, cases: number][] {
  const counts = new Map<string, number>();
  for (const { missing } of results) {
    for (const name of missing) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const isFound = (name: string): number => Number(name.includes(" "));
  return [...counts].sort(([a, n], [b, m]) => isFound(b) - isFound(a) || m - n || (a < b ? -1 : 1));
}

/** The patches that results are about, in order. */
export const patchesOf = (results: readonly CaseResult[]): number[] =>
  [...new Set(results.map(({ scenario }) => scenario.patch))].sort((a, b) => a - b);

/** A suite as it is called: `11 KVM: x86/mmu: Zap only the relevant pages …`. */
export const suiteName = (patch: number): string =>
  `${slugOf(patch).slice(0, 2)} ${titleOf(patch)}`;

/** `371 cases: 371 conform, 0 fail, 0 not assessed`, and whatever else there is. */
export function totals(results: readonly CaseResult[]): string {
  const counts = countVerdicts(results);
  const always = new Set<string>(["conforms", "fails", "not-assessed"]);
  const parts = Object.entries(VERDICTS)
    .map(([verdict, words]) => [verdict, words, counts[verdict as Verdict]] as const)
    .filter(([verdict, , count]) => count > 0 || always.has(verdict))
    .map(([, words, count]) => `${count} ${words}`);
  return `${plural(results.length, "case")}: ${parts.join(", ")}`;
}

/** The whole run in a few words. */
export function headline({ results, notRun, unseen }: RunReport): string {
  if (badResults(results).length > 0) return "Does not conform";
  if (unseen.length > 0) return "Does not deviate as said";
  const good = results.filter(({ verdict }) => isGood(verdict)).length;
  if (good === 0) return "Nothing was assessed";
  if (notRun > 0) return "Not run to its end";
  return good === results.length ? "Conforms" : "Conforms in all assessed cases";
}

/** What a known deviation is about: a case by its id, or `patch 3`. */
export const subjectOf = ({ case: id, patch }: Deviation): string => id ?? `patch ${patch}`;

/** What else there is to say about a run. */
export function remarks({ leftOut, notRun, restarts, unseen }: RunReport): string[] {
  return [
    ...unseen.map((entry) => `deviation not seen: ${subjectOf(entry)} (${entry.reason})`),
    ...(leftOut > 0
      ? [`${plural(leftOut, "case")} of these patches left out: about other compositions`]
      : []),
    ...(restarts > 0 ? [`its process was started again ${plural(restarts, "time")}`] : []),
    ...(notRun > 0 ? [`${plural(notRun, "case")} not run`] : []),
  ];
}
