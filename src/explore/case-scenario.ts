import type { Case, Step } from "../scenario/case.generated.ts";
import { CaseError } from "../scenario/case-error.ts";
import type { Scenario, ThreadStep } from "./scenario.ts";

/**
 * The scenario of a case: its first `threads` step without its schedule, what stands before and
 * behind it. @throws CaseError for a case without threads
 */
export function scenarioOfCase({ id, machine, steps }: Case): Scenario {
  const at = steps.findIndex((step) => step.do === "threads");
  const threads = steps[at];
  if (threads?.do !== "threads") {
    throw new CaseError(id, "/steps", "there are no threads whose orders could be explored");
  }
  const behind = steps.slice(at + 1).findIndex((step) => step.do === "threads");
  const after = behind < 0 ? steps.slice(at + 1) : steps.slice(at + 1, at + 1 + behind);
  const entries = Object.entries(threads.threads).map(([name, each]) => [name, unrolled(each)]);
  return {
    machine,
    setup: steps.slice(0, at),
    threads: Object.fromEntries(entries) as Scenario["threads"],
    after,
    forever: [],
  };
}

const unrolled = (steps: readonly Step[]): ThreadStep[] =>
  steps.flatMap((step) =>
    step.do === "repeat"
      ? Array.from({ length: step.times }, () => unrolled(step.steps)).flat()
      : [step as ThreadStep],
  );
