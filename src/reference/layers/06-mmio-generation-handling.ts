import { compareGenerations } from "../base/check_mmio_spte.ts";
import { setMmioSpte } from "../base/mark_mmio_spte.ts";
import { warn } from "../machine/events.ts";
import { bits } from "../machine/u64.ts";
import { kvm_vcpu_memslots } from "../machine/vcpu.ts";
import { patch } from "../patch.ts";

/** Where the generation stands in an MMIO SPTE. */
export const MMIO_SPTE_GEN_LOW_START = 3n;
export const MMIO_SPTE_GEN_LOW_MASK = bits(11, 3);
export const MMIO_SPTE_GEN_LOW_BITS = 9n;
export const MMIO_SPTE_GEN_HIGH_START = 52n;
export const MMIO_SPTE_GEN_HIGH_MASK = bits(61, 52);

export const mmioGenerationHandling = patch({
  number: 6,
  title: "KVM: x86: Refactor the MMIO SPTE generation handling",
  kinds: ["refactor", "encoding"],
  commit: "cae7ed3c2cb06680400adab632a243c5e5f42637",
  requires: {
    4: "the check asks the flag that 04 names",
    5: "the masks are for 05's 64-bit generations",
  },
  removes: ["kvm_current_mmio_generation"],
  place: { MMIO_SPTE_GEN_SHIFT: "generation_mmio_spte_mask" },
  apply: () => ({
    MMIO_GEN_MASK: (kvm) => bits(kvm.machine.mmioGenerationBits, 1),
    MMIO_SPTE_GEN_SHIFT: 1n,

    generation_mmio_spte_mask(kvm, generation) {
      if (generation & ~kvm.ops.MMIO_GEN_MASK(kvm)) warn(kvm, "generation_mmio_spte_mask");
      const field = generation >> kvm.ops.MMIO_SPTE_GEN_SHIFT;
      const high = field >> MMIO_SPTE_GEN_LOW_BITS;
      return (
        ((field << MMIO_SPTE_GEN_LOW_START) & MMIO_SPTE_GEN_LOW_MASK) |
        ((high << MMIO_SPTE_GEN_HIGH_START) & MMIO_SPTE_GEN_HIGH_MASK)
      );
    },

    get_mmio_spte_generation(kvm, spte) {
      const entry = spte & ~kvm.masks.shadow_mmio_mask;
      const low = (entry & MMIO_SPTE_GEN_LOW_MASK) >> MMIO_SPTE_GEN_LOW_START;
      const high = (entry & MMIO_SPTE_GEN_HIGH_MASK) >> MMIO_SPTE_GEN_HIGH_START;
      return ((high << MMIO_SPTE_GEN_LOW_BITS) | low) << kvm.ops.MMIO_SPTE_GEN_SHIFT;
    },

    mark_mmio_spte(vcpu, sp, index, gfn, access) {
      const { generation } = kvm_vcpu_memslots(vcpu);
      setMmioSpte(vcpu, sp, index, gfn, access, generation & vcpu.kvm.ops.MMIO_GEN_MASK(vcpu.kvm));
    },

    check_mmio_spte(vcpu, spte) {
      const { kvm } = vcpu;
      const { generation } = kvm_vcpu_memslots(vcpu);
      if (generation & kvm.ops.KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS) return false;
      const kvm_gen = generation & kvm.ops.MMIO_GEN_MASK(kvm);
      return compareGenerations(vcpu, spte, kvm_gen, kvm.ops.get_mmio_spte_generation(kvm, spte));
    },
  }),
});
