import { warn } from "../machine/events.ts";
import {
  MMIO_SPTE_GEN_HIGH_MASK,
  MMIO_SPTE_GEN_HIGH_START,
  MMIO_SPTE_GEN_LOW_MASK,
  MMIO_SPTE_GEN_LOW_START,
} from "../layers/06-mmio-generation-handling.ts";
import { erratum } from "../patch.ts";

export const upperGenerationBits = erratum({
  id: "E1",
  kind: "slip",
  title: "the upper half of the MMIO generation is encoded from the wrong bits",
  affects: (has) => has(6),
  apply: () => ({
    // Both halves start from bit 0 of the field: the nine bits below the upper half are not shifted
    // out.
    generation_mmio_spte_mask(kvm, generation) {
      if (generation & ~kvm.ops.MMIO_GEN_MASK(kvm)) warn(kvm, "generation_mmio_spte_mask");
      const field = generation >> kvm.ops.MMIO_SPTE_GEN_SHIFT;
      return (
        ((field << MMIO_SPTE_GEN_LOW_START) & MMIO_SPTE_GEN_LOW_MASK) |
        ((field << MMIO_SPTE_GEN_HIGH_START) & MMIO_SPTE_GEN_HIGH_MASK)
      );
    },

    get_mmio_spte_generation(kvm, spte) {
      const entry = spte & ~kvm.masks.shadow_mmio_mask;
      const low = (entry & MMIO_SPTE_GEN_LOW_MASK) >> MMIO_SPTE_GEN_LOW_START;
      const high = (entry & MMIO_SPTE_GEN_HIGH_MASK) >> MMIO_SPTE_GEN_HIGH_START;
      return (low | high) << kvm.ops.MMIO_SPTE_GEN_SHIFT;
    },
  }),
});
