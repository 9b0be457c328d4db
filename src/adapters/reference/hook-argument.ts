import { ModelBug } from "../../reference/machine/failures.ts";
import type { Kvm } from "../../reference/machine/kvm.ts";
import type { Architecture } from "../../reference/machine/machine.ts";
import type { Memslots } from "../../reference/machine/memslots.ts";
import type { Task } from "../../reference/machine/thread.ts";

/** Whether an architecture's hook takes the memslot set or the generation: it refuses the other. */
export function* hookArgument(
  kvm: Kvm,
  architecture: Architecture,
): Task<"memslots" | "generation" | "neither"> {
  const hook = kvm.ops.kvm_arch_memslots_updated[architecture];
  const set = kvm.memslots[0]!;
  const accepts = function* (argument: Memslots | bigint): Task<boolean> {
    try {
      yield* hook(kvm, argument);
      return true;
    } catch (error) {
      if (error instanceof ModelBug) return false;
      throw error;
    }
  };
  if (yield* accepts(set)) return "memslots";
  return (yield* accepts(set.generation)) ? "generation" : "neither";
}
