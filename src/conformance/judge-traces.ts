import type { Recording } from "../adapters/recording/recording.ts";
import type { LeftOut } from "../adapters/recording/observation.ts";
import { readTrace, type TraceFile } from "../adapters/recording/read-trace.ts";
import type { Setup } from "../adapters/recording/setup.ts";
import { type Divergence, Replay } from "../adapters/recording/replay.ts";
import type { Composition } from "../reference/compose.ts";
import { type Candidate, composeCandidate, PARTS, type Part, toggled } from "./candidate.ts";
import {
  type Contradiction,
  contradictions,
  contradictionsIn,
  type DeclaredFacts,
} from "./trace-facts.ts";

/** What recordings of one kernel are judged by. */
export interface TraceQuestion {
  readonly recordings: readonly Recording[];
  readonly facts: DeclaredFacts;
  readonly leftOut: LeftOut;
}

/** How a composition stands to the recordings. */
export interface TraceResult {
  readonly candidate: Candidate;
  /** In the order of the files; no entry for a file that nobody knows to follow. */
  readonly replays: readonly FileReplay[];
  readonly contradictions: readonly Contradiction[];
  /**
   * Whether something speaks against it for sure: where events are missing, nobody knows whether
   * the kernel did something else, or did it unseen.
   */
  readonly isRefuted: boolean;
}

export interface FileReplay {
  readonly file: string;
  /** Events of the kernel that the model matched. */
  readonly matched: number;
  readonly divergence: Divergence | null;
  /** Where it could not be followed any further, and why. */
  readonly notReplayable: { readonly line: number; readonly why: string } | null;
}

/** What the files are like, in their order. */
export type ReadFiles = readonly { readonly file: string; readonly read: TraceFile }[];

/**
 * Reads the recordings once, and has every candidate follow them.
 * @param most lines of each recording's program that are followed at most.
 * @throws UnreadableFile
 */
export async function judgeTraces(
  candidates: readonly Candidate[],
  { recordings, facts, leftOut }: TraceQuestion,
  most = Infinity,
): Promise<{ results: readonly TraceResult[]; read: ReadFiles }> {
  const compositions = candidates.map(composeCandidate);
  const read: { file: string; read: TraceFile }[] = [];
  const replays: FileReplay[][] = candidates.map(() => []);
  const refuted = new Set<number>();
  for (const recording of recordings) {
    const { file } = recording;
    let following: readonly Replay[] = [];
    const start = (setup: Setup): readonly Replay[] =>
      (following = compositions.map((composition) => new Replay(composition, setup, leftOut)));
    const trace = await readTrace(recording, start, most);
    read.push({ file, read: trace });
    for (const [i, { matched, divergence, notReplayable }] of following.entries()) {
      replays[i]!.push({ file, matched, divergence, notReplayable });
      if (divergence !== null && !trace.hasHoles) refuted.add(i);
    }
  }
  const shown = new Set(read.flatMap((each) => [...each.read.tracepoints]));
  const declared = (composition: Composition): Contradiction[] => [
    ...contradictions(composition, facts, shown),
    ...firstOfEach(read.flatMap((each) => contradictionsIn(composition, each.read))),
  ];
  const results = candidates.map((candidate, i) => {
    const contradictions = declared(compositions[i]!);
    const isRefuted = refuted.has(i) || contradictions.length > 0;
    return { candidate, replays: replays[i]!, contradictions, isRefuted };
  });
  return { results, read };
}

/** Each thing is told once, though several files show it. */
const firstOfEach = (found: readonly Contradiction[]): Contradiction[] =>
  found.filter(({ about }, i) => found.findIndex((other) => other.about === about) === i);

/** The first file in which kernel and model part, and where; null if they do not. */
export const firstDivergence = ({
  replays,
}: TraceResult): { readonly file: string; readonly divergence: Divergence } | null => {
  for (const { file, divergence } of replays) if (divergence !== null) return { file, divergence };
  return null;
};

/** Whether nothing in the recordings speaks against a composition. */
export const agrees = (result: TraceResult): boolean =>
  result.contradictions.length === 0 && firstDivergence(result) === null;

/** How much of the recordings a composition explains. */
export const matchedBy = ({ replays }: TraceResult): number =>
  replays.reduce((sum, { matched }) => sum + matched, 0);

/** Whether a composition explains more than another. */
export function isNearer(one: TraceResult, other: TraceResult): boolean {
  const more = matchedBy(one) - matchedBy(other);
  if (more !== 0) return more > 0;
  return one.contradictions.length < other.contradictions.length;
}

/** Whether a part shows in the recordings: with it toggled, they would be otherwise. */
export interface TraceFinding {
  readonly part: Part;
  readonly state: "present" | "absent" | "undetermined";
  /** What speaks against the other way; null if nothing does. */
  readonly by: { readonly file: string; readonly divergence: Divergence } | Contradiction | null;
}

/** Lines of a program in which parts are looked for: following it for each of them takes long. */
export const LOOKED_FOR_PARTS = 12_000;

/** Which parts show in the recordings, as seen from a candidate that they agree with. */
export async function traceFindings(
  candidate: Candidate,
  question: TraceQuestion,
): Promise<readonly TraceFinding[]> {
  const here = nameOf(candidate);
  const others = PARTS.map((part) => ({ part, other: toggled(candidate, part) }));
  // An erratum that does not touch these patches changes nothing.
  const different = others.filter(({ other }) => nameOf(other) !== here);
  const judged = await judgeTraces(
    different.map(({ other }) => other),
    question,
    LOOKED_FOR_PARTS,
  );
  const results = new Map(different.map(({ part }, i) => [part, judged.results[i]!]));
  return PARTS.map((part) => {
    const result = results.get(part);
    const by = result === undefined ? null : (result.contradictions[0] ?? firstDivergence(result));
    const { patches, errata } = candidate;
    const has = typeof part === "number" ? patches.has(part) : errata.has(part);
    const state = by === null ? "undetermined" : has ? "present" : "absent";
    return { part, state, by };
  });
}

/** What a candidate composes to: the same for two that cannot be told apart in any way. */
function nameOf(candidate: Candidate): string {
  const { patches, slips, remedies } = composeCandidate(candidate);
  return [patches, slips, remedies].join(";");
}
