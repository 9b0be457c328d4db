import { isDeepStrictEqual } from "node:util";
import { comparable } from "./comparable.ts";
import type { Implementation } from "../adapters/implementation.ts";
import type { CaseRecord, WireEvent } from "../adapters/record.ts";
import { recordOnReference } from "../adapters/reference/reference-implementation.ts";
import { LAST_LAYER } from "../reference/compose.ts";
import { relevantEvents } from "../scenario/capabilities.ts";
import type { Case, EventName } from "../scenario/case.generated.ts";
import { ownClaim } from "./claim.ts";
import { lackedBy } from "./harness.ts";
import { judge } from "./judge.ts";
import { layer, PROFILES } from "./profiles.ts";
import type { Violation } from "./violation.ts";

/** How an implementation stands to one case. */
export type Verdict =
  | "conforms"
  /** It conforms, with a slip of the merged code in. */
  | "has-slip"
  /** It conforms, with a remedy for a gap of the series. */
  | "has-remedy"
  /** It fails, and somebody has said that it would, and why. */
  | "deviates"
  | "fails"
  /** It conforms though somebody has said that it would not. */
  | "unexpected-pass"
  /** It does not offer what the case needs. */
  | "not-assessed"
  /** These three: it left the conversation, so nothing is known about the kernel. */
  | "crashed"
  | "timed-out"
  | "protocol-error";

/** Verdicts of which nobody needs to hear. */
export const isGood = (verdict: Verdict): boolean => GOOD.has(verdict);

const GOOD: ReadonlySet<Verdict> = new Set(["conforms", "has-slip", "has-remedy", "deviates"]);

export interface CaseResult {
  readonly scenario: Case;
  readonly verdict: Verdict;
  readonly violations: readonly Violation[];
  /** Capabilities that the case needs and the implementation does not offer. */
  readonly missing: readonly string[];
  /** For a failure: the layers whose observations are the same, as `7` or `7 merged`. */
  readonly equals: readonly string[];
  /**
   * For a failure: the first event in which it differs from what the reference does where the case
   * holds.
   */
  readonly firstDifference: FirstDifference | null;
  /** When the implementation left the conversation: the last lines of its stderr. */
  readonly log: readonly string[];
  readonly record: CaseRecord | null;
}

export interface FirstDifference {
  /** JSON pointer to the step. */
  readonly pointer: string;
  readonly expected: WireEvent | null;
  readonly seen: WireEvent | null;
}

/** Runs one case against an implementation and judges it. */
export async function runCase(scenario: Case, implementation: Implementation): Promise<CaseResult> {
  const missing = lackedBy(implementation, scenario);
  if (missing.length > 0) return { ...nothingSeen(scenario), missing, verdict: "not-assessed" };
  return judged(scenario, await implementation.record(scenario));
}

/** The result of a case of which there is a record. */
export function judged(scenario: Case, record: CaseRecord): CaseResult {
  const violations = judge(scenario, record);
  const { kind = "fails", message = "", log = [] } = record.failure ?? {};
  if (kind === "not-assessed" && violations.length === 1) {
    return { ...nothingSeen(scenario), missing: [message], verdict: kind };
  }
  // What was wrong before it could not go on stays wrong.
  const bad = kind === "not-assessed" ? "fails" : kind;
  const verdict = violations.length === 0 ? "conforms" : bad;
  return { ...nothingSeen(scenario), record, verdict, violations, log };
}

const nothingSeen = (scenario: Case): Omit<CaseResult, "verdict"> => ({
  ...{ scenario, violations: [], missing: [], equals: [], firstDifference: null, log: [] },
  record: null,
});

/** Says of a failure which layers show the same, and where it begins. */
export function explained(result: CaseResult): CaseResult {
  const { scenario, verdict, record } = result;
  if (verdict !== "fails" || record === null) return result;
  return {
    ...result,
    equals: equalLayers(scenario, record),
    firstDifference: firstDifference(scenario, record),
  };
}

/** The layers of the reference that show the very same, outcome for outcome and event for event. */
function equalLayers(scenario: Case, record: CaseRecord): string[] {
  const equal: string[] = [];
  const seen = comparable(scenario, record);
  for (let number = 0; number <= LAST_LAYER; number++) {
    for (const profile of PROFILES) {
      if (equal.includes(String(number))) continue;
      const other = recordOnReference(layer(number, profile), scenario);
      if (!isDeepStrictEqual(comparable(scenario, other), seen)) continue;
      equal.push(profile === "promised" ? String(number) : `${number} merged`);
    }
  }
  return equal;
}

/** Compares the events that the case is about with those of the reference where the case holds. */
function firstDifference(scenario: Case, record: CaseRecord): FirstDifference | null {
  const events = relevantEvents(scenario);
  const good = recordOnReference(ownClaim(scenario).composition, scenario, { events });
  for (const [i, { events: expected }] of good.steps.entries()) {
    const seen = (record.steps[i]?.events ?? []).filter(({ event }) =>
      events.has(event as EventName),
    );
    const length = Math.max(expected.length, seen.length);
    for (let n = 0; n < length; n++) {
      if (isDeepStrictEqual(expected[n], seen[n])) continue;
      return { pointer: `/steps/${i}`, expected: expected[n] ?? null, seen: seen[n] ?? null };
    }
  }
  return null;
}
