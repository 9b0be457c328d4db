import type { StepRecord, StepResult } from "../adapters/record.ts";
import { fieldsText } from "../conformance/match.ts";
import type { Step } from "../scenario/case.generated.ts";
import { performedSteps } from "../scenario/performed-steps.ts";

/**
 * A step and what it returned, in one line: `access vcpu 0 gpa 0x5000 → mapped, hva 0x10005000`.
 */
export function stepText(step: Step, observed: StepRecord | null): string {
  if (step.do === "threads") return threadsText(step, observed);
  if (step.do === "repeat") {
    return `${step.times} times: ${step.steps.map((inner) => stepText(inner, null)).join("; ")}`;
  }
  const {
    do: name,
    expect: _expect,
    note: _note,
    ...fields
  } = {
    ...step,
  } as Record<string, unknown>;
  const done = `${String(name)} ${plain(listed(fields))}`.trim();
  const looks = step.do === "snapshot" || step.do === "facts";
  const result = observed === null || looks ? "" : plain(observed.result);
  return result === "" ? done : `${done} → ${result}`;
}

function threadsText(step: ThreadsStep, observed: StepRecord | null): string {
  const { threads, order } = threadTexts(step, observed);
  return `threads: ${threads.join(" | ")}${order === "" ? "" : `; order: ${order}`}`;
}

type ThreadsStep = Step & { do: "threads" };

/** What each thread did, and the order in which they ran: `writer to blocked, vcpu to end`. */
export function threadTexts(
  step: ThreadsStep,
  observed: StepRecord | null,
): { readonly threads: readonly string[]; readonly order: string } {
  const threads = Object.entries(step.threads).map(
    ([name, steps]) => `${name}: ${threadText(steps, observed?.threads?.[name] ?? [])}`,
  );
  const order = (observed?.stops ?? []).map(({ run, at }) => `${run} to ${at}`);
  return { threads, order: order.join(", ") };
}

/** What a thread did; of a `repeat` in it not what each repetition returned. */
function threadText(steps: readonly Step[], records: readonly StepRecord[]): string {
  let next = 0;
  const texts = steps.map((step) => {
    const record = step.do === "repeat" ? null : (records[next] ?? null);
    next += [...performedSteps([step], "")].length;
    return stepText(step, record);
  });
  return texts.join("; ");
}

/** The fields with lists as they are written: `when [1, 3]`. */
const listed = (fields: Readonly<Record<string, unknown>>): StepResult =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      Array.isArray(value) ? `[${value.join(", ")}]` : value,
    ]),
  );

/** Simple fields only. */
function plain(fields: StepResult): string {
  const simple = Object.entries(fields).filter(([, value]) => typeof value !== "object");
  return fieldsText(Object.fromEntries(simple));
}
