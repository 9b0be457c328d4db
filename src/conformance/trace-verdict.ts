import type { TraceIdentification } from "./identify-traces.ts";

/** `agrees`, `diverges`, or `inconclusive`: nothing speaks against it, and too little for it. */
export type TraceVerdict =
  | { readonly verdict: "agrees" | "diverges" }
  | { readonly verdict: "inconclusive"; readonly why: string };

/** What recordings say of what they were compared with. */
export function traceVerdict({
  read,
  agreeing,
  nearest,
  findings,
}: TraceIdentification): TraceVerdict {
  if (agreeing.length === 0) return { verdict: "diverges" };
  const unknown = read.find((each) => each.read.setup === null);
  if (unknown !== undefined) {
    return inconclusive(`no marker in ${unknown.file} says what was done, so nobody can follow it`);
  }
  for (const { file, notReplayable } of nearest.replays) {
    if (notReplayable === null) continue;
    const { line, why } = notReplayable;
    return inconclusive(`${file} agrees up to line ${line}, where it cannot be followed: ${why}`);
  }
  const cut = read.find((each) => !each.read.isWhole);
  if (cut !== undefined) return inconclusive(`${cut.file} is cut off; what is there agrees`);
  return findings.every(({ state }) => state === "undetermined")
    ? inconclusive("no patch and no erratum shows in what was recorded")
    : { verdict: "agrees" };
}

const inconclusive = (why: string): TraceVerdict => ({ verdict: "inconclusive", why });
