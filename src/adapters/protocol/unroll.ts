import { relevantEvents } from "../../scenario/capabilities.ts";
import type {
  Case,
  EventName,
  ScheduleItem,
  SnapshotStep,
  Step,
} from "../../scenario/case.generated.ts";
import { isJudged } from "../../scenario/is-judged.ts";
import { performedSteps } from "../../scenario/performed-steps.ts";
import type { CaseRecord, StepRecord, WireEvent } from "../record.ts";
import type { Answer, Place, Question, WireScheduleItem, WireStep } from "./messages.ts";

/** A step that is asked for, and its JSON pointer in the case. */
export interface AskedStep {
  readonly pointer: string;
  readonly step: WireStep;
}

/** The question that a case begins with. */
export function resetFor(scenario: Case): Extract<Question, { method: "reset" }> {
  const events = [...relevantEvents(scenario)].sort();
  return { method: "reset", params: { machine: scenario.machine, events } };
}

/** The steps of a case that go over the wire, in order; declared facts do not. */
export function askedSteps(scenario: Case): AskedStep[] {
  const asked: AskedStep[] = [];
  for (const [step, pointer] of performedSteps(scenario.steps, "/steps")) {
    if (step.do !== "facts") asked.push({ pointer, step: toWire(step) });
  }
  return asked;
}

function toWire(step: Step): WireStep {
  if (step.do === "snapshot") return wireSnapshot(step);
  if (step.do === "threads") {
    const threads = Object.entries(step.threads).map(([name, steps]) => {
      const performed = [...performedSteps(steps, "")].map(([inner]) => toWire(inner));
      return [name, performed] as const;
    });
    const schedule = [...flat(step.schedule)];
    return { do: "threads", threads: Object.fromEntries(threads), schedule };
  }
  const { note: _note, expect: _expect, ...asked } = { ...step } as Record<string, unknown>;
  return asked as unknown as WireStep;
}

function wireSnapshot({ expect = {} }: SnapshotStep): WireStep {
  const parts = Object.keys(expect) as (keyof typeof expect)[];
  const place = ({ vcpu, gpa, gva }: Place): Place => ({
    vcpu,
    ...(gpa !== undefined && { gpa }),
    ...(gva !== undefined && { gva }),
  });
  return {
    do: "snapshot",
    parts,
    ...(expect.entries !== undefined && { entries: expect.entries.map(place) }),
    ...(expect.tlb !== undefined && { tlb: expect.tlb.map(place) }),
  };
}

/** The items of a schedule one by one, `repeat` counted out. */
function* flat(items: readonly ScheduleItem[]): Generator<WireScheduleItem> {
  for (const item of items) {
    if ("repeat" in item) {
      for (let i = 0; i < item.repeat; i++) yield* flat(item.schedule);
    } else {
      const { run, until = "end", nth = 1 } = item;
      yield { run, until: [until].flat(), nth };
    }
  }
}

/** What the record of a case is made of. */
export interface Answers {
  /** One for each asked step, in order; fewer when the run ended before its time. */
  readonly answers: readonly Answer[];
  readonly facts: Readonly<Record<string, unknown>>;
  readonly failure?: CaseRecord["failure"];
}

/** Puts the answers to a case's steps together, in the shape of its steps. */
export function recordOf(scenario: Case, { answers, facts, failure }: Answers): CaseRecord {
  const events = relevantEvents(scenario);
  const left = answers.values();
  const steps: StepRecord[] = [];
  for (const step of scenario.steps) {
    const record = recordStep(step, left, facts, events);
    if (record === null) break;
    steps.push(record);
  }
  return { id: scenario.id, steps, ...(failure !== undefined && { failure }) };
}

/** Null if the answers end before the step does. */
function recordStep(
  step: Step,
  answers: Iterator<Answer>,
  facts: Answers["facts"],
  wanted: ReadonlySet<EventName>,
): StepRecord | null {
  if (step.do === "facts") return { result: facts, events: [] };
  if (step.do === "repeat") {
    const events: WireEvent[] = [];
    const repetitions: StepRecord[][] = [];
    for (let i = 0; i < step.times; i++) {
      const records: StepRecord[] = [];
      for (const inner of step.steps) {
        const record = recordStep(inner, answers, facts, wanted);
        if (record === null) return null;
        records.push(record);
        events.push(...record.events);
      }
      repetitions.push(records);
    }
    return { result: {}, events, ...(step.steps.some(isJudged) && { repetitions }) };
  }
  const next = answers.next();
  if (next.done === true) return null;
  const { events = [], threads, stops, ...result } = next.value;
  const kept = events.filter(({ event }) => wanted.has(event as EventName));
  if (step.do !== "threads") return { result, events: kept };
  const items = [...flat(step.schedule)];
  return {
    result: {},
    events: kept,
    threads: Object.fromEntries(
      Object.entries(threads ?? {}).map(([name, list]) => [
        name,
        list.map((inner) => ({ result: inner, events: [] })),
      ]),
    ),
    stops: (stops ?? []).map(({ run, at }, i) => {
      const until = items[i]?.until ?? [];
      return { run, at, reached: until.includes(at) };
    }),
  };
}
