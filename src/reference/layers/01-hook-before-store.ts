import { hookOf, hookOfX86 } from "../base/kvm_arch_memslots_updated.ts";
import { callHook, publishAndSynchronize, storeGeneration } from "../kernel/publish.ts";
import { warn } from "../machine/events.ts";
import { ModelBug } from "../machine/failures.ts";
import type { Memslots } from "../machine/memslots.ts";
import { u64 } from "../machine/u64.ts";
import { patch } from "../patch.ts";

/** The hook takes the number that will be stored: the set still carries the flagged one. */
export function generationItself(updated: Memslots | bigint): bigint {
  if (typeof updated === "bigint") return updated;
  throw new ModelBug("kvm_arch_memslots_updated takes a generation from patch 01 on");
}

/** All five architectures change the parameter; only x86 does anything with it. */
export const kvm_arch_memslots_updated = {
  arm: hookOf(generationItself),
  mips: hookOf(generationItself),
  powerpc: hookOf(generationItself),
  s390: hookOf(generationItself),
  x86: hookOfX86(generationItself),
};

export const hookBeforeStore = patch({
  number: 1,
  title: "KVM: Call kvm_arch_memslots_updated() before updating memslots",
  kinds: ["behaviour", "interface"],
  commit: "152482580a1b0accb60676063a1ac57b2d12daf6",
  requires: {},
  apply: () => ({
    *install_new_memslots(kvm, as_id, slots) {
      const old = kvm.memslots[as_id]!.generation;
      if (old & 1n) warn(kvm, "install_new_memslots");
      slots.generation = u64(old + 1n);
      yield* publishAndSynchronize(kvm, as_id, slots);
      const generation = u64(slots.generation + BigInt(kvm.machine.addressSpaces * 2 - 1));
      yield* callHook(kvm, generation);
      yield* storeGeneration(kvm, as_id, slots, generation);
    },
    kvm_arch_memslots_updated,
  }),
});
