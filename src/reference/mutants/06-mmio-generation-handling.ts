import { compareGenerations } from "../base/check_mmio_spte.ts";
import { setMmioSpte } from "../base/mark_mmio_spte.ts";
import type { Override } from "../compose.ts";
import { upperGenerationBits } from "../errata/E1-upper-generation-bits.ts";
import { warn } from "../machine/events.ts";
import { bits } from "../machine/u64.ts";
import { kvm_vcpu_memslots, type Vcpu } from "../machine/vcpu.ts";
import type { Operations } from "../operations.ts";
import { mutantsOf, without } from "./mutant.ts";

const E1 = (...names: (keyof Operations)[]): Override["apply"] => {
  return (ops) => {
    const slip = upperGenerationBits.apply(ops, () => true);
    return Object.fromEntries(names.map((name) => [name, slip[name]]));
  };
};

/** Where the halves of the field stand: first bit of each, length of the lower one. */
interface Places {
  readonly low: bigint;
  readonly lowBits: bigint;
  readonly high: bigint;
  readonly highBits: bigint;
}

/** Encoder and decoder with the halves in other places. */
const halvesAt =
  (wrong: Partial<Places>): Override["apply"] =>
  (ops) => {
    const { low, lowBits, high, highBits } = {
      low: 3n,
      lowBits: 9n,
      high: 52n,
      highBits: 10n,
      ...wrong,
    };
    const [lowMask, highMask] = [bits(Number(lowBits) - 1, 0), bits(Number(highBits) - 1, 0)];
    return {
      generation_mmio_spte_mask(kvm, generation) {
        if (generation & ~ops.MMIO_GEN_MASK(kvm)) warn(kvm, "generation_mmio_spte_mask");
        const field = generation >> ops.MMIO_SPTE_GEN_SHIFT;
        return ((field & lowMask) << low) | (((field >> lowBits) & highMask) << high);
      },
      get_mmio_spte_generation(kvm, spte) {
        const entry = spte & ~kvm.masks.shadow_mmio_mask;
        const field = ((entry >> low) & lowMask) | (((entry >> high) & highMask) << lowBits);
        return field << ops.MMIO_SPTE_GEN_SHIFT;
      },
    };
  };

/** `check_mmio_spte` that asks something else before it compares. */
const checkAsking =
  (inFlux: (vcpu: Vcpu, flag: bigint) => boolean): Override["apply"] =>
  (ops) => ({
    check_mmio_spte(vcpu, spte) {
      const { kvm } = vcpu;
      if (inFlux(vcpu, ops.KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS)) return false;
      const kvm_gen = kvm_vcpu_memslots(vcpu).generation & ops.MMIO_GEN_MASK(kvm);
      return compareGenerations(vcpu, spte, kvm_gen, ops.get_mmio_spte_generation(kvm, spte));
    },
  });

// Left out, because nothing can tell: the MMIO mask not taken away before decoding (no bit of it is
// in either half); the mark computed by the old helper, which gives the same number with the new
// mask (that the helper is there shows as a fact: see helper-kept).
export const mutants06 = mutantsOf(6, {
  "encoder-left-as-it-was": {
    title: "the upper half is still shifted without a mask",
    apply: without("generation_mmio_spte_mask"),
  },
  "decoder-left-as-it-was": {
    title: "the decoder still takes everything above bit 51",
    apply: without("get_mmio_spte_generation"),
  },
  "mask-left-as-it-was": {
    title: "the flag still belongs to the mask",
    apply: without("MMIO_GEN_MASK"),
  },
  "helper-kept": {
    title: "the old helper is still there",
    apply: without("kvm_current_mmio_generation"),
  },
  "check-left-as-it-was": {
    title: "the check relies on bit 0 making a difference, which the new mask takes away",
    apply: without("check_mmio_spte", "kvm_current_mmio_generation"),
  },
  "check-forgets-the-flag": {
    title: "the masked numbers are compared, in flux or not",
    apply: checkAsking(() => false),
  },
  "check-asks-address-space-0": {
    title: "the flag of address space 0 is asked, whatever the vCPU uses",
    apply: checkAsking((vcpu, flag) => (vcpu.kvm.memslots[0]!.generation & flag) !== 0n),
  },
  "check-asks-every-address-space": {
    title: "an update of any address space turns every entry down",
    apply: checkAsking((vcpu, flag) =>
      vcpu.kvm.memslots.some(({ generation }) => (generation & flag) !== 0n),
    ),
  },
  "check-asks-the-flag-last": {
    title: "the numbers are compared and traced before the flag is asked",
    apply: (ops, below) => ({
      check_mmio_spte(vcpu, spte) {
        const valid = checkAsking(() => false)(ops, below).check_mmio_spte!(vcpu, spte);
        return valid && ops.check_mmio_spte(vcpu, spte);
      },
    }),
  },
  "check-does-not-mask": {
    title: "the whole number is compared with the field",
    apply: (ops) => ({
      check_mmio_spte(vcpu, spte) {
        const { kvm } = vcpu;
        const { generation } = kvm_vcpu_memslots(vcpu);
        if (generation & ops.KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS) return false;
        return compareGenerations(vcpu, spte, generation, ops.get_mmio_spte_generation(kvm, spte));
      },
    }),
  },
  "check-not-traced": {
    title: "no comparison is traced",
    apply: (ops) => ({
      check_mmio_spte(vcpu, spte) {
        const { kvm } = vcpu;
        const { generation } = kvm_vcpu_memslots(vcpu);
        if (generation & ops.KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS) return false;
        return (generation & ops.MMIO_GEN_MASK(kvm)) === ops.get_mmio_spte_generation(kvm, spte);
      },
    }),
  },
  "mark-does-not-mask": {
    title: "the whole number, flag included, is passed to the encoder",
    apply: () => ({
      mark_mmio_spte(vcpu, sp, index, gfn, access) {
        setMmioSpte(vcpu, sp, index, gfn, access, kvm_vcpu_memslots(vcpu).generation);
      },
    }),
  },
  "upper-half-from-the-wrong-bits": {
    title: "both halves are encoded from bit 0 of the field: the slip of the merged code",
    apply: E1("generation_mmio_spte_mask", "get_mmio_spte_generation"),
  },
  "only-the-encoder-slips": {
    title: "the upper half is encoded from bit 0 of the field, and decoded as if it were right",
    apply: E1("generation_mmio_spte_mask"),
  },
  "only-the-decoder-slips": {
    title: "the halves are ORed without shifting the upper one up",
    apply: E1("get_mmio_spte_generation"),
  },
  "field-not-shifted-down": {
    title: "bit 0 of the field is bit 0 of the number",
    apply: () => ({ MMIO_SPTE_GEN_SHIFT: 0n }),
  },
  "field-not-shifted-back-up": {
    title: "the decoder returns the field, not the number",
    apply: (ops) => ({
      get_mmio_spte_generation: (kvm, spte) =>
        ops.get_mmio_spte_generation(kvm, spte) >> ops.MMIO_SPTE_GEN_SHIFT,
    }),
  },
  "mask-one-bit-short": {
    title: "the field is bits 1-18 of the number",
    apply: () => ({ MMIO_GEN_MASK: (kvm) => bits(kvm.machine.mmioGenerationBits - 1, 1) }),
  },
  "mask-one-bit-long": {
    title: "the field is bits 1-20 of the number",
    apply: () => ({ MMIO_GEN_MASK: (kvm) => bits(kvm.machine.mmioGenerationBits + 1, 1) }),
  },
  "lower-half-one-bit-lower": {
    title: "the lower half stands in bits 2-10, over an access bit",
    apply: halvesAt({ low: 2n }),
  },
  "lower-half-one-bit-shorter": {
    title: "the halves meet at bit 8 of the field",
    apply: halvesAt({ lowBits: 8n, highBits: 11n }),
  },
  "upper-half-one-bit-lower": {
    title: "the upper half stands in bits 51-60, over the bit that makes an entry reserved",
    apply: halvesAt({ high: 51n }),
  },
  "upper-half-one-bit-higher": {
    title: "the upper half stands in bits 53-62, over the special bit",
    apply: halvesAt({ high: 53n }),
  },
  "upper-half-one-bit-shorter": {
    title: "the upper half has nine bits",
    apply: halvesAt({ highBits: 9n }),
  },
});
