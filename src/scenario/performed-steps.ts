import type { Step } from "./case.generated.ts";

/** A step of a thread, and its JSON pointer. */
export type PerformedStep = readonly [step: Step, pointer: string];

/** The steps of a thread one by one as they are performed, `repeat` counted out. */
export function* performedSteps(steps: readonly Step[], pointer: string): Generator<PerformedStep> {
  for (const [i, step] of steps.entries()) {
    const at = `${pointer}/${i}`;
    if (step.do !== "repeat") yield [step, at];
    else for (let n = 0; n < step.times; n++) yield* performedSteps(step.steps, `${at}/steps`);
  }
}
