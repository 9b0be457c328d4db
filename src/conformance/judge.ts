import type { CaseRecord, StepRecord } from "../adapters/record.ts";
import type { Case, RepeatStep, Step } from "../scenario/case.generated.ts";
import { expectsBug } from "../scenario/expects-bug.ts";
import { isJudged } from "../scenario/is-judged.ts";
import { type PerformedStep, performedSteps } from "../scenario/performed-steps.ts";
import { judgeEvents } from "./judge-events.ts";
import { judgeFacts, judgeSnapshot } from "./judge-snapshot.ts";
import { fieldsText, matchesFields } from "./match.ts";
import type { Violation } from "./violation.ts";

/**
 * Compares what was observed with what a case expects. @returns what does not hold; empty when all
 * does.
 */
export function judge(scenario: Case, record: CaseRecord): Violation[] {
  const { failure } = record;
  const steps = listed(scenario.steps, "/steps");
  const begun = failure === undefined ? steps : steps.slice(0, record.steps.length);
  const violations = judgeSteps(begun, record.steps);
  if (failure !== undefined) {
    const { pointer, message, kind } = failure;
    if (kind === undefined && isExpected(scenario, pointer)) return violations;
    return [...violations, { pointer, expected: "the run goes on", seen: message }];
  }
  const events = record.steps.flatMap((step) => step.events);
  return [...violations, ...judgeEvents(scenario.expect, events, "/expect")];
}

/** Whether the case says that the kernel breaks at that step. */
const isExpected = ({ steps }: Case, pointer: string): boolean =>
  steps.some((step, i) => expectsBug(step) && pointer === `/steps/${i}`);

const listed = (steps: readonly Step[], pointer: string): PerformedStep[] =>
  steps.map((step, i) => [step, `${pointer}/${i}`]);

/** Each step with its record; a record that ends before the steps do is a violation. */
function judgeSteps(steps: Iterable<PerformedStep>, records: readonly StepRecord[]): Violation[] {
  const violations: Violation[] = [];
  let next = 0;
  for (const [step, pointer] of steps) {
    const record = records[next++];
    if (record === undefined) return [...violations, notSeen(pointer, "a record of this step")];
    violations.push(...judgeStep(step, record, pointer));
  }
  return violations;
}

function judgeStep(step: Step, observed: StepRecord, pointer: string): Violation[] {
  const at = `${pointer}/expect`;
  const violations: Violation[] = [];
  switch (step.do) {
    case "snapshot":
      return judgeSnapshot(step, observed.result, at);
    case "facts":
      return judgeFacts(step, observed.result, at);
    case "threads":
      violations.push(...judgeStops(observed, `${pointer}/schedule`));
      for (const [name, steps] of Object.entries(step.threads)) {
        const performed = performedSteps(steps, `${pointer}/threads/${name}`);
        const found = judgeSteps(performed, observed.threads?.[name] ?? []);
        violations.push(...firstOfEach(found));
      }
      break;
    case "repeat":
      violations.push(...judgeRepetitions(step, observed, `${pointer}/steps`));
      break;
    case "probe":
      violations.push(...judgeResult({ ...step.expect?.result }, observed.result, `${at}/result`));
      break;
    default:
      violations.push(...judgeResult({ ...step.expect, events: undefined }, observed.result, at));
  }
  const expected = step.expect;
  if (expected !== undefined && "events" in expected) {
    violations.push(...judgeEvents(expected.events, observed.events, `${at}/events`));
  }
  return violations;
}

/** Whether each thread got where the schedule wants it. */
function judgeStops({ stops }: StepRecord, pointer: string): Violation[] {
  if (stops === undefined) return [notSeen(pointer, "a record of where each thread stopped")];
  const missed = stops.filter(({ reached }) => !reached);
  return missed.map(({ run, at }) => {
    const expected = `thread ${run} gets where the schedule wants it`;
    return { pointer, expected, seen: `it stops at ${at}` };
  });
}

/** The violations of the first repetition that has any. */
function judgeRepetitions(step: RepeatStep, observed: StepRecord, pointer: string): Violation[] {
  if (!step.steps.some(isJudged)) return [];
  const { repetitions = [] } = observed;
  for (const records of repetitions) {
    const violations = judgeSteps(listed(step.steps, pointer), records);
    if (violations.length > 0) return violations;
  }
  const missing = repetitions.length < step.times;
  return missing ? [notSeen(pointer, `records of ${step.times} repetitions`)] : [];
}

const notSeen = (pointer: string, expected: string): Violation => ({
  pointer,
  expected,
  seen: "nothing",
});

/** The first violation at each pointer. */
function firstOfEach(violations: readonly Violation[]): Violation[] {
  const seen = new Set<string>();
  return violations.filter(({ pointer }) => !seen.has(pointer) && seen.add(pointer));
}

/** Each expected field of a step's result: one value, or one of several. */
function judgeResult(
  expected: Readonly<Record<string, unknown>>,
  seen: Readonly<Record<string, unknown>>,
  pointer: string,
): Violation[] {
  const wanted = Object.entries(expected).filter(([, value]) => value !== undefined);
  return wanted.flatMap(([field, value]) => {
    const one = { [field]: value } as Parameters<typeof matchesFields>[0];
    if (matchesFields(one, seen)) return [];
    const violation = {
      pointer: `${pointer}/${field}`,
      expected: fieldsText({ [field]: value }),
      seen: fieldsText(seen),
    };
    return [violation];
  });
}
