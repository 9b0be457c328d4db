import { kvm_vcpu_memslots } from "../machine/vcpu.ts";
import { mutantsOf, without } from "./mutant.ts";

const u32 = (value: bigint): bigint => BigInt.asUintN(32, value);

// Left out, because nothing can tell: the decoder's result, the current generation or the hook's
// check cut to 32 bits. None of them has anything above bit 21 to lose.
export const mutants05 = mutantsOf(5, {
  "left-at-32-bits": {
    title: "generations are still passed in 32 bits",
    apply: without("MMIO_GEN_WIDTH"),
  },
  "encoder-left-at-32-bits": {
    title: "everything is widened but the encoder's parameter",
    apply: (ops) => ({
      generation_mmio_spte_mask: (kvm, generation) =>
        ops.generation_mmio_spte_mask(kvm, u32(generation)),
    }),
  },
  "upper-half-shifted-in-32-bits": {
    title: "the cast before the shift of the upper half is gone, its type is not",
    apply: (ops) => ({
      generation_mmio_spte_mask: (kvm, generation) =>
        u32(ops.generation_mmio_spte_mask(kvm, generation)),
    }),
  },
  "entry-decoded-in-32-bits": {
    title: "the decoder's parameter has become 32 bits wide with the rest",
    apply: (ops) => ({
      get_mmio_spte_generation: (kvm, spte) => ops.get_mmio_spte_generation(kvm, u32(spte)),
    }),
  },
  "current-number-not-masked": {
    title: "the mask went with the cast: the whole number is compared and stored",
    apply: () => ({
      kvm_current_mmio_generation: (vcpu) => kvm_vcpu_memslots(vcpu).generation,
    }),
  },
  "range-check-gone": {
    title: "the encoder does not check any more what it is given",
    apply: (ops) => ({
      generation_mmio_spte_mask: (kvm, generation) =>
        ops.generation_mmio_spte_mask(kvm, generation & ops.MMIO_GEN_MASK(kvm)),
    }),
  },
});
