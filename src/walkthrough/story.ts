import { recordOnReference } from "../adapters/reference/reference-implementation.ts";
import { judge } from "../conformance/judge.ts";
import type { MatrixLine } from "../conformance/matrix.ts";
import { type Kill, killsOf } from "../conformance/mutants.ts";
import type { Violation } from "../conformance/violation.ts";
import type { Composition } from "../reference/compose.ts";
import { errata } from "../reference/errata/index.ts";
import { mutants } from "../reference/mutants/index.ts";
import type { OperationName } from "../reference/operations.ts";
import type { ErratumId } from "../reference/patch.ts";
import type { Change } from "../report/change-text.ts";
import { changedOperations, movedOperations, sourceOf } from "../report/source-text.ts";
import type { Case } from "../scenario/case.generated.ts";
import { patchOf } from "../scenario/suites.ts";
import { type Excerpt, excerpts } from "./recording.ts";
import { type Side, sidesOf } from "./sides.ts";
import { timeline, type TimelineStep } from "./timeline.ts";
import { type TopicId, topicOf } from "./topics.ts";

/** One of the two runs of the decisive case, judged. */
export interface Run {
  readonly name: string;
  /** What the case expects and this run does not do; empty if it conforms. */
  readonly violations: readonly Violation[];
}

/** What is told about a patch or an erratum, on its page and by `kmc explain`. */
export interface Story {
  readonly id: TopicId;
  readonly title: string;
  /** Kinds of the patch; `slip` or `gap` of an erratum. */
  readonly kinds: readonly string[];
  /** In torvalds/linux, where known. */
  readonly commit: string | null;
  /** Patches that it needs, each with the reason. */
  readonly requires: Readonly<Record<number, string>>;
  readonly decisive: Case;
  readonly before: Run;
  readonly after: Run;
  readonly timeline: readonly TimelineStep[];
  /** Functions that differ between the two sides, with their texts. */
  readonly changes: readonly Change[];
  /** Functions that stand at another place. */
  readonly moved: readonly OperationName[];
  readonly recordings: readonly Excerpt[];
}

/** @param cases all cases */
export function storyOf(id: TopicId, cases: readonly Case[]): Story {
  const { decisive: wanted, recorded } = topicOf(id);
  const decisive = cases.find((scenario) => scenario.id === wanted)!;
  const [before, after] = sidesOf(id, decisive);
  const [was, is] = [before, after].map(({ composition }) =>
    recordOnReference(composition, decisive),
  ) as [ReturnType<typeof recordOnReference>, ReturnType<typeof recordOnReference>];
  return {
    id,
    ...headOf(id),
    decisive,
    before: { name: before.name, violations: judge(decisive, was) },
    after: { name: after.name, violations: judge(decisive, is) },
    timeline: timeline(decisive, was, is),
    changes: changesBetween(before, after),
    moved: movedOperations(before.composition, after.composition),
    recordings: recorded === undefined ? [] : excerpts(recorded),
  };
}

function headOf(id: TopicId): Pick<Story, "title" | "kinds" | "commit" | "requires"> {
  if (typeof id === "number") {
    const { title, kinds, commit = null, requires } = patchOf(id)!;
    return { title, kinds, commit, requires };
  }
  const { title, kind } = errata.find((erratum) => erratum.id === id)!;
  return { title, kinds: [kind], commit: null, requires: {} };
}

/** Of all cases those of a topic; of a patch, those of errata left out. */
export const linesOf = (id: TopicId, all: readonly MatrixLine[]): MatrixLine[] =>
  all.filter(({ scenario: { patch, erratum } }) =>
    typeof id === "number" ? patch === id && erratum === undefined : erratum === id,
  );

/** The mutants of a patch, and who rejects them. An erratum has none. */
export const killsOn = (id: TopicId, cases: readonly Case[]): Kill[] =>
  mutants.filter(({ patch }) => patch === id).map((mutant) => killsOf(mutant, cases));

/** Errata whose cases are in the suite of a patch: it brings them, or they show there. */
export const errataOf = (patch: number, cases: readonly Case[]): ErratumId[] => [
  ...new Set(cases.flatMap((each) => (each.patch === patch ? (each.erratum ?? []) : []))),
];

function changesBetween(before: Side, after: Side): Change[] {
  const text = (name: OperationName, composition: Composition): string | null =>
    composition.order.includes(name) ? sourceOf(name, composition).text : null;
  return changedOperations(before.composition, after.composition).map((name) => ({
    name,
    before: text(name, before.composition),
    after: text(name, after.composition),
  }));
}
