import type { Composition } from "../../reference/compose.ts";
import { Kvm } from "../../reference/machine/kvm.ts";
import { machineParameters } from "../../reference/machine/machine.ts";
import { runToEnd } from "../../reference/machine/thread.ts";
import { hookArgument } from "./hook-argument.ts";

const UPDATE_IN_PROGRESS = "KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS";

/** In snake case. Constants are in capitals, seams of the model in camel case. */
const KERNEL_FUNCTION = /^[a-z_]*_[a-z_]*$/;

/** What a composition declares: facts that no scenario can show. */
export function declaredFacts({ ops, order }: Composition) {
  const flag = ops[UPDATE_IN_PROGRESS].toString(2).length - 1;
  return {
    memslot_update_in_progress_bit: ops.declared.includes(UPDATE_IN_PROGRESS) ? flag : null,
    mmio_generation_width: ops.MMIO_GEN_WIDTH,
    hook_argument: runToEnd(hookArgument(new Kvm(machineParameters(), ops), "x86")),
    tracepoints: ops.tracepoints,
    mmu_document: ops.mmuDocument,
    operations: order.filter((name) => KERNEL_FUNCTION.test(name)),
  };
}
