import { callHook, publishAndSynchronize, storeGeneration } from "../kernel/publish.ts";
import { warn } from "../machine/events.ts";
import { Memslots } from "../machine/memslots.ts";
import { bits, u64 } from "../machine/u64.ts";
import { patch } from "../patch.ts";

export const flagInBit63 = patch({
  number: 8,
  title: "KVM: Move the memslot update in-progress flag to bit 63",
  kinds: ["encoding"],
  commit: "164bf7e56c5a73f2f819c39ba7e0f20e0f97dc7b",
  requires: {
    1: "both write the install, and 01 puts the hook before the store",
    2: "the wrap check that it shifts down is 02's",
    4: "the flag that moves got its name in 04",
    5: "bit 63 needs 05's 64-bit generations",
    6: "the mask and the shift that change are 06's",
    7: "the starting numbers that change are 07's",
  },
  apply: () => ({
    KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS: 1n << 63n,
    MMIO_GEN_MASK: (kvm) => bits(kvm.machine.mmioGenerationBits - 1, 0),
    MMIO_SPTE_GEN_SHIFT: 0n,

    kvm_create_vm(kvm) {
      for (let i = 0; i < kvm.machine.addressSpaces; i++) {
        kvm.memslots[i] = new Memslots(BigInt(i), []);
      }
    },

    *install_new_memslots(kvm, as_id, slots) {
      const flag = kvm.ops.KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS;
      const old = kvm.memslots[as_id]!.generation;
      if (old & flag) warn(kvm, "install_new_memslots");
      slots.generation = old | flag;
      yield* publishAndSynchronize(kvm, as_id, slots);
      const settled = slots.generation & ~flag;
      const generation = u64(settled + BigInt(kvm.machine.addressSpaces));
      yield* callHook(kvm, generation);
      yield* storeGeneration(kvm, as_id, slots, generation);
    },

    *kvm_mmu_invalidate_mmio_sptes(kvm, generation) {
      if (generation & kvm.ops.KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS) {
        warn(kvm, "kvm_mmu_invalidate_mmio_sptes");
      }
      const field = generation & kvm.ops.MMIO_GEN_MASK(kvm);
      // Address spaces take turns in the lowest bits; what is left wraps in each of them.
      const wrapped = field & ~BigInt(kvm.machine.addressSpaces - 1);
      if (wrapped === 0n) yield* kvm.ops.zapForMmioWrap(kvm);
    },
  }),
});
