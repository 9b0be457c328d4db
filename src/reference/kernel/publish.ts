import type { Kvm } from "../machine/kvm.ts";
import type { Memslots } from "../machine/memslots.ts";
import type { Task } from "../machine/thread.ts";

/**
 * The steps of an install that readers can see; each is an event and a scheduling point after it.
 */

/**
 * rcu_assign_pointer, synchronize_srcu_expedited: publishes a set and waits for readers of earlier
 * ones.
 */
export function* publishAndSynchronize(kvm: Kvm, as_id: number, slots: Memslots): Task<void> {
  kvm.memslots[as_id] = slots;
  kvm.counters.installs++;
  kvm.log?.push({ event: "memslots.published", as: as_id, generation: slots.generation });
  if (kvm.stoppable) yield "memslots.published";
  yield* kvm.srcu.synchronize_srcu_expedited();
  kvm.log?.push({ event: "memslots.synchronized", as: as_id });
  if (kvm.stoppable) yield "memslots.synchronized";
}

/** Changes the generation of the published set in place. */
export function* storeGeneration(
  kvm: Kvm,
  as_id: number,
  slots: Memslots,
  generation: bigint,
): Task<void> {
  slots.generation = generation;
  kvm.log?.push({ event: "memslots.generation", as: as_id, generation });
  if (kvm.stoppable) yield "memslots.generation";
}

/** Calls the architecture's hook. */
export function* callHook(kvm: Kvm, updated: Memslots | bigint): Task<void> {
  yield* kvm.ops.kvm_arch_memslots_updated[kvm.machine.architecture](kvm, updated);
  if (kvm.stoppable) yield "memslots.arch-updated";
}
