import type { StepRecord } from "../adapters/record.ts";
import { judge } from "../conformance/judge.ts";
import type { Violation } from "../conformance/violation.ts";
import type { Case } from "../scenario/case.generated.ts";
import type { CaseRun } from "./case-run.ts";

const known = new WeakMap<StepRecord, readonly Violation[]>();

/** What each step that is through was expected to show and did not; empty if all holds. */
export const stepViolations = ({ scenario, records }: CaseRun): (readonly Violation[])[] =>
  records.map((record, step) => {
    let violations = known.get(record);
    if (violations === undefined) {
      known.set(record, (violations = judgeStep(scenario, step, record)));
    }
    return violations;
  });

function judgeStep(scenario: Case, step: number, record: StepRecord): Violation[] {
  const { expect: _expect, ...rest } = scenario;
  const only = { ...rest, steps: [scenario.steps[step]!] };
  return judge(only, { id: scenario.id, steps: [record] }).map(({ pointer, ...violation }) => ({
    ...violation,
    pointer: pointer.replace("/steps/0", `/steps/${step}`),
  }));
}

/** All that does not hold; null while the run is not over. */
export function caseViolations({ scenario, records, step, failure }: CaseRun): Violation[] | null {
  if (failure === null && step < scenario.steps.length) return null;
  const { id } = scenario;
  const failed = { failure: { pointer: `/steps/${step}`, message: failure ?? "" } };
  return judge(scenario, { id, steps: records, ...(failure !== null && failed) });
}
