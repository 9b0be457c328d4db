import type {
  Case,
  EventExpectations,
  EventName,
  EventPattern,
  Machine,
  ScheduleItem,
  Step,
} from "./case.generated.ts";
import { outgrowsItsArrays } from "./moved-slots.ts";

/**
 * What an implementation must offer to be assessed by a case. Derived from the case, so that it
 * cannot be forgotten: operations, events, scheduling points, parts of a snapshot, declared facts,
 * and machine parameters.
 */
export function neededCapabilities(scenario: Case): string[] {
  const needed = new Set<string>();
  for (const parameter of neededParameters(scenario.machine)) needed.add(`machine:${parameter}`);
  for (const step of allSteps(scenario.steps)) addStep(step, needed);
  if (outgrowsItsArrays(allSteps(scenario.steps))) needed.add("bug:slot-arrays");
  if (endsWithItsOnlyTeardown(scenario.steps)) {
    needed.delete("operation:flush_shadow_all");
    needed.add("operation:flush_shadow_all=last");
  }
  for (const name of relevantEvents(scenario)) needed.add(`event:${name}`);
  for (const { event, where = {} } of expectedEvents(scenario)) {
    for (const field of HIDDEN_FIELDS) if (field in where) needed.add(`event:${event}.${field}`);
  }
  return [...needed].sort();
}

/** Fields of events that a real kernel does not print, or not for certain. */
const HIDDEN_FIELDS = ["reason", "smm", "raw", "where"];

/** Fields of shadow pages that a kernel need not have. */
const HIDDEN_PAGE_FIELDS = ["mmio_cached", "obsolete"];

/** Counters of shadow pages; the others count what a kernel does not count. */
const PAGE_COUNTERS = ["used_pages", "leaked_pages", "pages_allocated", "pages_freed"];

/** Whether a VM that is gone after its teardown is enough. */
function endsWithItsOnlyTeardown(steps: readonly Step[]): boolean {
  const teardowns = [...allSteps(steps)].filter((step) => step.do === "flush_shadow_all");
  return teardowns.length === 1 && steps.at(-1) === teardowns[0];
}

/** Every step of a case, those inside others included. */
export function* allSteps(steps: readonly Step[]): Generator<Step> {
  for (const step of steps) {
    yield step;
    if (step.do === "repeat") yield* allSteps(step.steps);
    if (step.do === "threads") yield* allSteps(Object.values(step.threads).flat());
  }
}

/** The kinds of events that the expectations of a case speak of. */
export function relevantEvents(scenario: Case): Set<EventName> {
  const names = new Set<EventName>();
  for (const { event } of expectedEvents(scenario)) names.add(event);
  for (const expected of eventExpectations(scenario)) {
    for (const name of expected.exactly?.of ?? []) names.add(name);
  }
  return names;
}

/** The single events that a case expects, or expects not to see. */
function expectedEvents(scenario: Case): EventPattern[] {
  return eventExpectations(scenario).flatMap(({ counts = [], order = [], exactly }) => [
    ...counts,
    ...order,
    ...(exactly?.sequence ?? []),
  ]);
}

function eventExpectations(scenario: Case): EventExpectations[] {
  const all: (EventExpectations | undefined)[] = [scenario.expect];
  for (const step of allSteps(scenario.steps)) {
    if (step.expect !== undefined && "events" in step.expect) all.push(step.expect.events);
  }
  return all.filter((expected) => expected !== undefined);
}

/**
 * What every machine has if a case does not say. The number of address spaces is always said; a
 * case that names its paging, or the width of the generation in an MMIO SPTE, needs it, the usual
 * one, too.
 */
const DEFAULTS: Machine = {
  preempt: false,
  page_budget: null,
  host_page_size: "4K",
  resident: "all",
};

/** `paging=shadow`: parameters of a machine that are not what every machine has. */
function neededParameters(machine: Machine): string[] {
  const given = Object.entries({ address_spaces: 2, ...machine });
  return given
    .filter(([name, value]) => value !== DEFAULTS[name as keyof Machine])
    .map(([name, value]) => (Array.isArray(value) ? name : `${name}=${String(value)}`));
}

/**
 * Whether a list of capabilities covers one: by its name, by a name that ends in `*`, or, for a
 * parameter of the machine, by the parameter without a value.
 */
export function covers(offered: Iterable<string>, capability: string): boolean {
  const [withoutValue] = capability.split("=") as [string];
  for (const name of offered) {
    if (name === capability || name === withoutValue) return true;
    if (name.endsWith("*") && capability.startsWith(name.slice(0, -1))) return true;
  }
  return false;
}

function addStep(step: Step, needed: Set<string>): void {
  needed.add(`operation:${step.do}`);
  if (step.do === "threads") addSchedule(step.schedule, needed);
  if (step.do === "probe") needed.add(`probe:${step.what}`);
  if (step.do === "inject") needed.add(`inject:${step.what}`);
  if (step.do === "facts")
    for (const fact of Object.keys(step.expect ?? {})) needed.add(`fact:${fact}`);
  if (step.do === "snapshot") {
    for (const part of Object.keys(step.expect ?? {})) needed.add(`snapshot:${part}`);
    for (const { is } of step.expect?.entries ?? [])
      if (is.raw !== undefined) needed.add("snapshot:entries.raw");
    for (const { where = {} } of step.expect?.pages ?? [])
      for (const field of HIDDEN_PAGE_FIELDS)
        if (field in where) needed.add(`snapshot:pages.${field}`);
    for (const counter of Object.keys(step.expect?.counters ?? {}))
      if (!PAGE_COUNTERS.includes(counter)) needed.add(`snapshot:counters.${counter}`);
  }
}

function addSchedule(items: readonly ScheduleItem[], needed: Set<string>): void {
  for (const item of items) {
    if ("repeat" in item) addSchedule(item.schedule, needed);
    else
      for (const stop of [item.until ?? []].flat()) {
        if (stop !== "blocked" && stop !== "end") needed.add(`point:${stop}`);
      }
  }
}
