import { diffArrays } from "diff";
import type { CaseRecord, StepRecord, StepResult } from "../adapters/record.ts";
import { fieldsText } from "../conformance/match.ts";
import { stepText } from "../report/step-text.ts";
import type { Case, Step } from "../scenario/case.generated.ts";
import { eventWords } from "./event-words.ts";
import { kernelFunction } from "./kernel-function.ts";

/** What happened at one place on both sides; null where nothing did. Equal texts are alike. */
export interface Row {
  readonly before: string | null;
  readonly after: string | null;
  /** The kernel function that does it; null for what a step only looks at. */
  readonly kernel: string | null;
}

/** A step of the case with what happened during it. */
export interface TimelineStep {
  readonly number: number;
  /** What is done, and what it returned; null if the run ended before. */
  readonly before: string | null;
  readonly after: string | null;
  readonly rows: readonly Row[];
}

/** One side's event, or a line of what a step looked at. */
interface Line {
  readonly text: string;
  readonly kernel: string | null;
}

/** Two runs of a case beside each other, step by step, the same events on the same row. */
export function timeline(
  scenario: Case,
  before: CaseRecord,
  after: CaseRecord,
): readonly TimelineStep[] {
  return scenario.steps.map((step, number) => {
    const [was, is] = [before.steps[number], after.steps[number]];
    return {
      number,
      before: head(step, was) ?? broken(step, number, before),
      after: head(step, is) ?? broken(step, number, after),
      rows: aligned(lines(step, was), lines(step, is)),
    };
  });
}

export const differs = ({ before, after }: Row): boolean => before !== after;

const head = (step: Step, record: StepRecord | undefined): string | null =>
  record === undefined ? null : stepText(step, record);

/** The step in which the kernel broke: what it did there is not known. */
function broken(step: Step, number: number, { failure }: CaseRecord): string | null {
  if (failure?.pointer !== `/steps/${number}`) return null;
  return `${stepText(step, null)} → ${failure.message}`;
}

function lines(step: Step, record: StepRecord | undefined): Line[] {
  if (record === undefined) return [];
  const events = record.events.map((event) => ({
    text: eventWords(event),
    kernel: kernelFunction(event),
  }));
  const looks = step.do === "snapshot" || step.do === "facts";
  const seen = looks ? seenLines(step, record.result) : [];
  return [...events, ...seen.map((text) => ({ text, kernel: null }))];
}

/** The parts of a snapshot or of declared facts, one a line. */
function seenLines(step: Step, result: StepResult): string[] {
  return Object.entries(result).flatMap(([name, value]) => {
    const places = step.do === "snapshot" ? placesOf(step, name) : [];
    return partLines(name, value, (i) => places[i] ?? `${name} ${i}`);
  });
}

/** The addresses at which a snapshot looks. */
function placesOf({ expect }: Step & { do: "snapshot" }, name: string): string[] {
  if (name === "entries") return (expect?.entries ?? []).map(({ gpa, gva }) => `at ${gpa ?? gva}`);
  if (name !== "tlb") return [];
  return (expect?.tlb ?? []).map(({ gpa, gva }) => `TLB at ${gpa ?? gva}`);
}

function partLines(name: string, value: unknown, nameOf: (i: number) => string): string[] {
  // What comes and goes, or moves: its place in the list says nothing.
  if (name === "pages") return (value as object[]).map((page) => `page: ${plainText(page)}`);
  if (isTexts(value) && ONE_A_LINE.includes(name)) return value.map((text) => `${name}: ${text}`);
  // Many that say little together: one a line, so that what differs stands alone.
  if (name === "counters" || name === "tracepoints") {
    return Object.entries(value as object).map(
      ([part, each]) => `${name}: ${part} ${Array.isArray(each) ? each.join(", ") : String(each)}`,
    );
  }
  if (Array.isArray(value)) {
    return value.flatMap((each, i) => partLines(nameOf(i), each, (j) => `${nameOf(i)} ${j}`));
  }
  if (typeof value !== "object" || value === null) return [`${name}: ${String(value)}`];
  const inner = Object.entries(value).filter(([, part]) => isNested(part));
  const flat = plainText(value);
  return [
    ...(flat === "" ? [] : [`${name}: ${flat}`]),
    ...inner.flatMap(([field, part]) =>
      partLines(`${name} ${field}`, part, (i) => `${name} ${field} ${i}`),
    ),
  ];
}

/** Lists in declared facts. */
const ONE_A_LINE: readonly string[] = ["operations", "mmu_document"];

/** The fields of an object that are no objects themselves; those that are false left out. */
const plainText = (value: object): string =>
  fieldsText(
    Object.fromEntries(
      Object.entries(value).filter(([, part]) => !isNested(part) && part !== false),
    ),
  );

const isNested = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  !(Array.isArray(value) && value.every((each) => typeof each !== "object"));

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((each) => typeof each === "string");

/** Rows of two lists: what is the same stands side by side. */
function aligned(before: readonly Line[], after: readonly Line[]): Row[] {
  const rows: Row[] = [];
  let left: Line[] = [];
  const parts = diffArrays([...before], [...after], {
    comparator: (a, b) => a.text === b.text && a.kernel === b.kernel,
  });
  for (const { value, added, removed } of parts) {
    if (removed) {
      left = value;
      continue;
    }
    rows.push(...(added ? paired(left, value) : [...paired(left, []), ...value.map(alike)]));
    left = [];
  }
  return [...rows, ...paired(left, [])];
}

const alike = ({ text, kernel }: Line): Row => ({ before: text, after: text, kernel });

/** Lines that differ: those of the same kernel function, or about the same thing, side by side. */
function paired(before: readonly Line[], after: readonly Line[]): Row[] {
  const rows: Row[] = [];
  const rest = [...after];
  for (const line of before) {
    const { text, kernel } = line;
    if (rest[0] !== undefined && isAbout(line) === isAbout(rest[0])) {
      rows.push({ before: text, after: rest.shift()!.text, kernel });
    } else {
      rows.push({ before: text, after: null, kernel });
    }
  }
  return [...rows, ...rest.map(({ text, kernel }) => ({ before: null, after: text, kernel }))];
}

const isAbout = ({ text, kernel }: Line): string =>
  kernel ?? /^(counters|tracepoints): \w+|^[^:]*/.exec(text)![0];

/** Rows of which nobody needs to see each one. */
export interface Folded {
  readonly folded: number;
  /** Whether they are alike on both sides. */
  readonly alike: boolean;
}

/** Around a row that differs, so many that do not are shown. */
const CONTEXT = 2;
/** Of rows with something on both sides that differs, numbers mostly, so many are shown. */
const CHANGED = 6;
/** Of all the rows of a step so many are shown: the first ones and the last ones. */
const [FIRST, LAST] = [16, 6];

/** What is shown of the rows of a step: rows that differ, and those around them. */
export function shown(rows: readonly Row[]): (Row | Folded)[] {
  let changed = 0;
  const wanted = rows.map(
    (row) => differs(row) && (row.before === null || row.after === null || ++changed <= CHANGED),
  );
  const near = (i: number): boolean =>
    wanted.slice(Math.max(0, i - CONTEXT), i + CONTEXT + 1).includes(true);
  const kept = rows.flatMap((row, i) =>
    wanted[i] === true || (!differs(row) && near(i)) ? i : [],
  );
  const both = new Set(
    kept.length <= FIRST + LAST ? kept : [...kept.slice(0, FIRST), ...kept.slice(-LAST)],
  );
  const result: (Row | Folded)[] = [];
  for (const [i, row] of rows.entries()) {
    const last = result.at(-1);
    if (both.has(i)) result.push(row);
    else if (last !== undefined && "folded" in last) {
      result.splice(-1, 1, { folded: last.folded + 1, alike: last.alike && !differs(row) });
    } else result.push({ folded: 1, alike: !differs(row) });
  }
  return result;
}
