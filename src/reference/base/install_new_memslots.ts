import { callHook, publishAndSynchronize, storeGeneration } from "../kernel/publish.ts";
import { warn } from "../machine/events.ts";
import type { Kvm } from "../machine/kvm.ts";
import type { Memslots } from "../machine/memslots.ts";
import type { Task } from "../machine/thread.ts";
import { u64 } from "../machine/u64.ts";

/**
 * Makes `slots` the memslot set of an address space. The generation is odd until every reader of an
 * older set is gone; then it takes its final value, and then the architecture is told
 * (virt/kvm/kvm_main.c). Changed by patch 01 (hook before store), 04 (flag named), 08 (flag in bit
 * 63).
 */
export function* install_new_memslots(kvm: Kvm, as_id: number, slots: Memslots): Task<void> {
  const old = kvm.memslots[as_id]!.generation;
  if (old & 1n) warn(kvm, "install_new_memslots");
  slots.generation = u64(old + 1n);
  yield* publishAndSynchronize(kvm, as_id, slots);
  const generation = u64(slots.generation + BigInt(kvm.machine.addressSpaces * 2 - 1));
  yield* storeGeneration(kvm, as_id, slots, generation);
  yield* callHook(kvm, slots);
}
