import { basename } from "node:path";
import type { Kind } from "../adapters/recording/observation.ts";
import type { Noted, TraceFile } from "../adapters/recording/read-trace.ts";
import type { Divergence } from "../adapters/recording/replay.ts";
import type { Candidate } from "../conformance/candidate.ts";
import { ranges } from "../conformance/claim.ts";
import type { TraceIdentification } from "../conformance/identify-traces.ts";
import {
  firstDivergence,
  LOOKED_FOR_PARTS,
  matchedBy,
  type TraceFinding,
  type TraceResult,
} from "../conformance/judge-traces.ts";
import { classOf } from "../conformance/layer-classes.ts";
import type { Contradiction } from "../conformance/trace-facts.ts";
import type { TraceVerdict } from "../conformance/trace-verdict.ts";
import { pc } from "./colours.ts";
import { candidateText, errataText, partStateText, partText } from "./part-text.ts";
import { fit, labelled, plural, WIDTH } from "./table.ts";

/** A verdict on recordings as text: what they are like, what agrees, and what shows in them. */
export function traceText(found: TraceIdentification, verdict: TraceVerdict): string[] {
  const { read, agreeing, nearest, findings } = found;
  return [
    ...read.flatMap(({ file, read: trace }, i) => {
      const matched = nearest.replays.find((replay) => replay.file === file)?.matched ?? 0;
      return [...fileText(file, trace, matched), ...(i === read.length - 1 ? [""] : [])];
    }),
    ...(verdict.verdict === "inconclusive" ? inconclusiveText(verdict.why) : []),
    // What nothing was compared with agrees with nothing.
    ...(matchedBy(nearest) === 0 ? [] : agreeingText(agreeing, nearest)),
    ...(verdict.verdict === "diverges" ? divergesText(found) : []),
    ...(findings.length === 0 ? [] : ["", ...findings.map(findingText), ...lookedFor(read)]),
  ];
}

function fileText(file: string, trace: TraceFile, matched: number): string[] {
  const { lines, setup, foreign, lost, reordered, others, otherRuns, missing, overwritten } = trace;
  const what =
    setup === null
      ? "no known program"
      : `${setup.name}, ${setup.paging === "npt" ? "direct paging" : "shadow MMU"}`;
  const noted = (what: string, { count, first }: Noted, noun: string, rest: string): string[] =>
    count === 0 ? [] : [`${what}: ${plural(count, noun)} ${rest}, the first is ${first}`];
  const remarks = [
    ...noted("foreign", foreign, "line", "that cannot be read"),
    ...noted("lost", lost, "place", "where events were lost"),
    ...noted("reordered", reordered, "line", "with an earlier time than the one above"),
    ...noted("left out", others, "line", "of another task"),
    ...noted("other runs", otherRuns, "marker", "of another run, which belongs into another file"),
    ...(missing > 0 ? [`cut off: ${plural(missing, "event")} fewer than its header says`] : []),
    ...(overwritten ? ["overwritten: its header says that the beginning is missing"] : []),
  ];
  const text = `${basename(file)}: ${plural(lines, "line")}, ${what}; ${plural(matched, "event")} agree`;
  return [...labelled("", text), ...remarks.flatMap((remark) => labelled("  ", remark))];
}

const inconclusiveText = (why: string): string[] => [
  ...labelled("inconclusive: ", why),
  ...labelled("  ", 'how a recording is made: docs/trace.md, "Making a recording"'),
];

/** Layers and other sets of patches, one line for each choice of errata. */
function agreeingText(agreeing: readonly TraceResult[], nearest: TraceResult): string[] {
  const groups = new Map<string, Candidate[]>();
  for (const { candidate } of agreeing) {
    const errata = errataText(candidate.errata);
    groups.set(errata, [...(groups.get(errata) ?? []), candidate]);
  }
  const lines = [...groups].flatMap(([errata, candidates]) => {
    const numbers = candidates.filter(isLayer).map(({ patches }) => patches.size);
    const layers = `${numbers.length === 1 ? "layer" : "layers"} ${ranges(numbers)}${errata}`;
    const others = candidates.filter((candidate) => !isLayer(candidate)).map(candidateText);
    const names = numbers.length === 0 ? others : [layers, ...others];
    return names.flatMap((name) => labelled("agrees with ", name).map((line) => pc.green(line)));
  });
  const { patches } = nearest.candidate;
  const isOneOfSeveral = isLayer(nearest.candidate) && agreeing.length > 1;
  const apart = isOneOfSeveral ? classOf(patches.size).apart : null;
  return [...lines, ...(apart === null ? [] : labelled("  not told apart: ", apart))];
}

const isLayer = ({ patches }: Candidate): boolean => Math.max(0, ...patches) === patches.size;

function divergesText({ read, nearest }: TraceIdentification): string[] {
  const { candidate, contradictions } = nearest;
  const first = firstDivergence(nearest);
  const events = plural(matchedBy(nearest), "event");
  const name = `${candidateText(candidate)} (the closest) after ${events}`;
  return [
    ...labelled("differs from ", name).map((line) => pc.red(line)),
    ...contradictions.flatMap(contradictionText),
    ...(first === null ? [] : divergenceText(first, read)),
  ];
}

function divergenceText(
  { file, divergence }: { readonly file: string; readonly divergence: Divergence },
  read: TraceIdentification["read"],
): string[] {
  const { line, during, kernel, model, function: name, within, expected } = divergence;
  const what = during === "" ? "" : `, during: ${during}`;
  const trace = read.find((each) => each.file === file)!.read;
  return [
    ...labelled("  ", `${basename(file)}, line ${line}${what}`),
    ...labelled("    kernel    ", kernel),
    ...labelled("    model     ", model),
    ...labelled("    function  ", within === null ? name : `${name}, after ${within}`),
    ...(expected === null ? [] : hint(expected, trace)),
  ];
}

/** Perhaps the kernel did it and nobody listened. */
const hint = (kind: Kind, { shows }: TraceFile): string[] =>
  shows.has(kind)
    ? []
    : labelled(
        "    ",
        `The recording shows no ${kind} at all; if nothing listened to it: --ignore ${kind}`,
      );

const contradictionText = ({ about, kernel, model, line }: Contradiction): string[] => [
  ...labelled("  ", line === null ? about : `${about}, line ${line}`),
  ...labelled("    kernel    ", kernel),
  ...labelled("    model     ", model),
];

function findingText({ part, state, by }: TraceFinding): string {
  const where = by === null ? "" : "about" in by ? placeOf(by) : `line ${by.divergence.line}`;
  const end = where === "" ? "" : `  ${where}`;
  const text = fit(partText(part), WIDTH - 14 - end.length).trimEnd();
  return `${partStateText(part, state)}  ${text}${end}`;
}

const placeOf = ({ line }: Contradiction): string => (line === null ? "declared" : `line ${line}`);

/** Parts are not looked for in all of a long recording. */
function lookedFor(read: TraceIdentification["read"]): string[] {
  if (read.every((each) => each.read.followed <= LOOKED_FOR_PARTS)) return [];
  return labelled(
    "",
    `looked for in the first ${LOOKED_FOR_PARTS.toLocaleString("en")} lines of the program`,
  );
}
