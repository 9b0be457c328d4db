import type { Step } from "./case.generated.ts";

/** Whether a case expects that the kernel breaks in this step. */
export function expectsBug(step: Step): boolean {
  if (step.do === "set_memory_region") return step.expect?.result === "BUG";
  return (
    (step.do === "access" || step.do === "write_guest_table") && step.expect?.outcome === "BUG"
  );
}
