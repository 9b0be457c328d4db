import { firstDivergence } from "./judge-traces.ts";
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
  isRefuted,
  findings,
}: TraceIdentification): TraceVerdict {
  if (isRefuted) return { verdict: "diverges" };
  const unknown = read.find((each) => each.read.setup === null);
  if (unknown !== undefined) return inconclusive(unknownText(unknown));
  const holed = read.find((each) => each.read.hasHoles);
  if (agreeing.length === 0 && holed !== undefined) {
    const { file, read: trace } = holed;
    const what = `${file} has ${trace.missing} fewer events than its header says, nobody knows where`;
    const line = firstDivergence(nearest)?.divergence.line;
    return inconclusive(`${what}: that it differs in line ${line ?? 1} may come of that`);
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

function unknownText({ file, read }: TraceIdentification["read"][number]): string {
  if (read.events === 0) {
    return `${file} tells no event: tracing was off, or no event enabled (tracing_on, events/kvmmmu/enable)`;
  }
  return `no marker in ${file} says what was done, so nobody can follow it`;
}

const inconclusive = (why: string): TraceVerdict => ({ verdict: "inconclusive", why });
