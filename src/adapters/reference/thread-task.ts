import { ModelBug } from "../../reference/machine/failures.ts";
import type { Task } from "../../reference/machine/thread.ts";
import type { Step } from "../../scenario/case.generated.ts";
import type { StepRecord, StepResult } from "../record.ts";
import { perform, type ReferenceVm } from "./perform.ts";

/**
 * The steps of one thread, as a task.
 * @param records gets what each step returned; events are those of the whole `threads` step.
 */
export function* threadTask(
  vm: ReferenceVm,
  steps: readonly Step[],
  records: StepRecord[],
): Task<void> {
  for (const step of steps) {
    if (step.do === "threads") throw new ModelBug("threads do not nest");
    if (step.do === "repeat") {
      for (let i = 0; i < step.times; i++) yield* threadTask(vm, step.steps, records);
      continue;
    }
    const result: StepResult = yield* perform(vm, step);
    records.push({ result, events: [] });
  }
}
