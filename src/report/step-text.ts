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
  const done = `${String(name)} ${plain(fields)}`.trim();
  const looks = step.do === "snapshot" || step.do === "facts";
  const result = observed === null || looks ? "" : plain(observed.result);
  return result === "" ? done : `${done} → ${result}`;
}

function threadsText(step: Step & { do: "threads" }, observed: StepRecord | null): string {
  const threads = Object.entries(step.threads).map(
    ([name, steps]) => `${name}: ${threadText(steps, observed?.threads?.[name] ?? [])}`,
  );
  const order = (observed?.stops ?? []).map(({ run, at }) => `${run} to ${at}`);
  return `threads: ${threads.join(" | ")}${order.length > 0 ? `; order: ${order.join(", ")}` : ""}`;
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

/** Simple fields only. */
function plain(fields: StepResult): string {
  const simple = Object.entries(fields).filter(([, value]) => typeof value !== "object");
  return fieldsText(Object.fromEntries(simple));
}
