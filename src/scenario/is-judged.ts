import type { Step } from "./case.generated.ts";

/**
 * Whether something about a step can turn out wrong: it carries an expectation, one inside it does,
 * or a thread may miss where the schedule wants it.
 */
export const isJudged = (step: Step): boolean =>
  step.expect !== undefined ||
  step.do === "threads" ||
  (step.do === "repeat" && step.steps.some(isJudged));
