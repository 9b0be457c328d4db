import type { Noted } from "../adapters/recording/read-trace.ts";
import type { Candidate } from "../conformance/candidate.ts";
import type { TraceIdentification } from "../conformance/identify-traces.ts";
import { matchedBy, type TraceResult } from "../conformance/judge-traces.ts";
import type { TraceVerdict } from "../conformance/trace-verdict.ts";

/** A verdict on recordings as a document (fixtures/schema/output.schema.json, `trace`). */
export function traceJson(found: TraceIdentification, verdict: TraceVerdict) {
  return {
    kind: "trace",
    format: 1,
    verdict: verdict.verdict,
    why: verdict.verdict === "inconclusive" ? verdict.why : null,
    files: found.read.map(({ file, read }) => {
      const { lines, events, setup, foreign, lost, reordered, others, otherRuns } = read;
      return {
        ...{ file, lines, events },
        program: setup?.name ?? null,
        paging: setup?.paging ?? null,
        foreign: noted(foreign),
        lost: noted(lost),
        reordered: noted(reordered),
        others: noted(others),
        otherRuns: noted(otherRuns),
        missing: read.missing,
        overwritten: read.overwritten,
        whole: read.isWhole,
      };
    }),
    agrees: found.agreeing.map(({ candidate }) => candidateJson(candidate)),
    nearest: nearestJson(found.nearest),
    findings: found.findings,
  };
}

const noted = ({ count, first }: Noted) => ({ count, first });

function candidateJson({ patches, errata }: Candidate) {
  const sorted = [...patches].sort((a, b) => a - b);
  const layer = sorted.every((patch, i) => patch === i + 1) ? sorted.length : null;
  return { layer, patches: sorted, errata: [...errata].sort() };
}

const nearestJson = (result: TraceResult) => ({
  ...candidateJson(result.candidate),
  matched: matchedBy(result),
  contradictions: result.contradictions,
  recordings: result.replays,
});
