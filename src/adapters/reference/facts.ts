import type { Runnable } from "../../reference/compose.ts";
import { Kvm } from "../../reference/machine/kvm.ts";
import { machineParameters } from "../../reference/machine/machine.ts";
import { runToEnd } from "../../reference/machine/thread.ts";
import { hookArgument } from "./hook-argument.ts";

const UPDATE_IN_PROGRESS = "KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS";

/** In snake case. Constants are in capitals, seams of the model in camel case. */
const KERNEL_FUNCTION = /^[a-z_]*_[a-z_]*$/;

/** What a composition declares, each when it is asked for: facts that no scenario can show. */
export function declaredFacts(composition: Runnable) {
  const { ops } = composition;
  return {
    get memslot_update_in_progress_bit() {
      const flag = ops[UPDATE_IN_PROGRESS].toString(2).length - 1;
      return ops.declared.includes(UPDATE_IN_PROGRESS) ? flag : null;
    },
    get mmio_generation_width() {
      return ops.MMIO_GEN_WIDTH;
    },
    get hook_argument() {
      return runToEnd(hookArgument(new Kvm(machineParameters(), ops), "x86"));
    },
    get tracepoints() {
      return ops.tracepoints;
    },
    get mmu_document() {
      return ops.mmuDocument;
    },
    get operations() {
      return composition.order.filter((name) => KERNEL_FUNCTION.test(name));
    },
  };
}
