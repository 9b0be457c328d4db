import { SLIPS } from "../reference/errata/index.ts";
import { LAST_LAYER } from "../reference/compose.ts";
import type { ErratumId } from "../reference/patch.ts";
import { type Candidate, composeCandidate, PARTS, toggled } from "./candidate.ts";
import {
  agrees,
  isNearer,
  judgeTraces,
  type ReadFiles,
  type TraceFinding,
  traceFindings,
  type TraceQuestion,
  type TraceResult,
} from "./judge-traces.ts";

/** What recordings are found to be of. */
export interface TraceIdentification {
  readonly read: ReadFiles;
  /** Every candidate that nothing speaks against; empty if there is none. */
  readonly agreeing: readonly TraceResult[];
  /** Whether something speaks for sure against each that was tried. */
  readonly isRefuted: boolean;
  /** Of those that agree the one with most patches and fewest errata; else the one that explains most. */
  readonly nearest: TraceResult;
  /** As seen from the nearest; empty if that does not agree, or could not follow anything. */
  readonly findings: readonly TraceFinding[];
}

/** Every choice of slips that makes a difference to some patches. */
export function withEverySlip(patches: ReadonlySet<number>): Candidate[] {
  const candidates = new Map<string, Candidate>();
  for (let choice = 0; choice < 2 ** SLIPS.length; choice++) {
    const errata = new Set<ErratumId>(SLIPS.filter((_, i) => (choice >> i) & 1));
    const { slips } = composeCandidate({ patches, errata });
    candidates.set(slips.join(), { patches, errata: new Set(slips) });
  }
  return [...candidates.values()];
}

/** The layers with every choice of slips. */
export const layers = (): Candidate[] =>
  Array.from({ length: LAST_LAYER + 1 }, (_, layer) =>
    withEverySlip(new Set(Array.from({ length: layer }, (_, i) => i + 1))),
  ).flat();

/** Steps from the nearest candidate to a nearer one, before giving up. */
const MOST_STEPS = 12;

/**
 * Finds the compositions that recordings agree with: among some candidates, or if there is none,
 * from the nearest of them on, a part at a time.
 * @param candidates by default the layers with every choice of slips, and then sets of patches that
 * are near; given ones are judged and no others.
 * @throws UnreadableFile
 */
export async function identifyTraces(
  question: TraceQuestion,
  candidates?: readonly Candidate[],
): Promise<TraceIdentification> {
  const first = await judgeTraces(candidates ?? layers(), question);
  let { results } = first;
  let nearest = best(results);
  for (let i = 0; candidates === undefined && !agrees(nearest) && i < MOST_STEPS; i++) {
    const parts = PARTS.map((part) => toggled(nearest.candidate, part));
    const next = await judgeTraces(parts, question);
    const nearer = best(next.results);
    if (!isNearer(nearer, nearest)) break;
    nearest = nearer;
    results = next.results;
  }
  const agreeing = results.filter(agrees);
  const isFollowed = nearest.replays.length > 0 && agrees(nearest);
  const findings = isFollowed ? await traceFindings(nearest.candidate, question) : [];
  const isRefuted = results.every((result) => result.isRefuted);
  return { read: first.read, agreeing, isRefuted, nearest, findings };
}

/** The result that explains most; of equals the last layer, with fewest errata. */
function best(results: readonly TraceResult[]): TraceResult {
  const [first, ...rest] = results;
  return rest.reduce((nearest, result) => {
    if (isNearer(result, nearest)) return result;
    if (isNearer(nearest, result)) return nearest;
    const { patches, errata } = result.candidate;
    const more = patches.size - nearest.candidate.patches.size;
    if (more !== 0) return more > 0 ? result : nearest;
    return errata.size < nearest.candidate.errata.size ? result : nearest;
  }, first!);
}
