import type { Verdict } from "../conformance/run-cases.ts";
import type { RunDocument } from "./run-json.ts";

/** A case that two runs judge differently. */
export interface Change {
  readonly id: string;
  readonly patch: number;
  readonly title: string;
  readonly before: Verdict;
  readonly after: Verdict;
}

/** Who was under test in a run, and as what. */
type Subject = Pick<RunDocument, "implementation" | "claim">;

/** What is different between two runs. */
export interface Comparison {
  readonly before: Subject;
  readonly after: Subject;
  /** How many cases both runs have. */
  readonly common: number;
  readonly worse: readonly Change[];
  readonly better: readonly Change[];
  /** Changes that say nothing of the implementation, or nothing that was known before. */
  readonly other: readonly Change[];
  /** Ids of cases that only one of the runs has. */
  readonly onlyBefore: readonly string[];
  readonly onlyAfter: readonly string[];
}

export function compareRuns(before: RunDocument, after: RunDocument): Comparison {
  const old = new Map(before.results.map((result) => [result.id, result]));
  const ids = new Set(after.results.map(({ id }) => id));
  const common = after.results.filter(({ id }) => old.has(id));
  const changes = common.flatMap(({ id, patch, title, verdict }): Change[] => {
    const was = old.get(id)!.verdict;
    return was === verdict ? [] : [{ id, patch, title, before: was, after: verdict }];
  });
  const those = (wanted: Direction): Change[] =>
    changes.filter((change) => direction(change) === wanted);
  return {
    before: subject(before),
    after: subject(after),
    common: common.length,
    worse: those("worse"),
    better: those("better"),
    other: those("other"),
    onlyBefore: before.results.flatMap(({ id }) => (ids.has(id) ? [] : [id])),
    onlyAfter: after.results.flatMap(({ id }) => (old.has(id) ? [] : [id])),
  };
}

const subject = ({ implementation, claim }: RunDocument): Subject => ({ implementation, claim });

/**
 * What a verdict says of the implementation, whatever is known or said of it: the case holds, it
 * does not, or it could not even be played.
 */
const STANDS: Readonly<Record<Verdict, number | null>> = {
  conforms: 2,
  "has-slip": 2,
  "has-remedy": 2,
  "unexpected-pass": 2,
  deviates: 1,
  fails: 1,
  crashed: 0,
  "timed-out": 0,
  "protocol-error": 0,
  "not-assessed": null,
};

type Direction = "worse" | "better" | "other";

/** A case that held and is not assessed any more is worse, too: nobody would notice if it broke. */
function direction({ before, after }: Change): Direction {
  const [was, is] = [STANDS[before], STANDS[after]];
  if (is === null) return was === 2 ? "worse" : "other";
  if (was === null) return is === 2 ? "better" : "other";
  if (was === is) return "other";
  return is < was ? "worse" : "better";
}
