import type { CaseRecord, StepRecord, StepResult, WireEvent } from "../adapters/record.ts";
import { relevantEvents } from "../scenario/capabilities.ts";
import type { Case, EventName, Step } from "../scenario/case.generated.ts";
import { performedSteps } from "../scenario/performed-steps.ts";

/**
 * What of a record two implementations can be compared by: what the steps returned, the events that
 * the case speaks of, and of the state what it asks for. Lists of pages are sorted.
 */
export function comparable(scenario: Case, { steps, failure }: CaseRecord): unknown {
  const wanted = relevantEvents(scenario);
  const compared = scenario.steps.map((step, i) => {
    const record = steps[i];
    return record === undefined ? null : comparableStep(step, record, wanted);
  });
  return { compared, failed: failure !== undefined };
}

function comparableStep(
  step: Step,
  record: StepRecord,
  wanted: ReadonlySet<EventName>,
): Readonly<Record<string, unknown>> {
  const { result, events, threads, stops, repetitions } = record;
  const inner = (steps: readonly Step[], records: readonly StepRecord[]): unknown[] =>
    steps.map((each, i) => {
      const found = records[i];
      return found === undefined ? null : comparableStep(each, found, wanted);
    });
  return {
    result: comparableResult(step, result),
    events: events.filter(({ event }) => wanted.has(event as EventName)).map(sorted),
    ...(step.do === "threads" && {
      threads: Object.entries(step.threads).map(([name, each]) =>
        inner(
          [...performedSteps(each, "")].map(([performed]) => performed),
          threads?.[name] ?? [],
        ),
      ),
      stops: (stops ?? []).map(({ run, at }) => [run, at]),
    }),
    ...(step.do === "repeat" && {
      repetitions: repetitions?.map((each) => inner(step.steps, each)),
    }),
  };
}

function comparableResult(step: Step, result: StepResult): unknown {
  if (step.do === "facts") {
    return Object.keys(step.expect ?? {}).map((fact) => result[fact]);
  }
  if (step.do !== "snapshot") return sorted(result);
  const { pages, cache, requests, counters, ...parts } = step.expect ?? {};
  const list = (part: string): unknown[] => (result[part] ?? []) as unknown[];
  const named = (result["counters"] ?? {}) as StepResult;
  return [
    Object.keys(parts).map((part) => list(part).map(sorted)),
    pages &&
      list("pages")
        .map((page) => JSON.stringify(sorted(page as object)))
        .sort(),
    (cache ?? requests) &&
      list("vcpus").map((vcpu) => pick(vcpu as StepResult, ["cache", "requests"])),
    counters && pick(named, Object.keys(counters)),
  ];
}

const pick = (from: StepResult, names: readonly string[]): unknown[] =>
  names.map((name) => sorted(from[name]));

/** The same, with its fields in order. */
function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const fields = Object.entries(value as WireEvent).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(fields);
}
