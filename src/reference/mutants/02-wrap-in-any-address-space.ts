import type { Kvm } from "../machine/kvm.ts";
import { u64 } from "../machine/u64.ts";
import type { Operations } from "../operations.ts";
import { mutantsOf, without } from "./mutant.ts";

/**
 * The check with another idea of what a wrap is; `field` is what of the number counts, flag
 * included.
 */
const wrapsWhen =
  (wraps: (kvm: Kvm, generation: bigint, field: bigint) => boolean) =>
  (): Pick<Operations, "kvm_mmu_invalidate_mmio_sptes"> => ({
    *kvm_mmu_invalidate_mmio_sptes(kvm, generation) {
      const field = generation & kvm.ops.MMIO_GEN_MASK(kvm);
      if (wraps(kvm, generation, field)) yield* kvm.ops.zapForMmioWrap(kvm);
    },
  });

const addressSpaceBits = ({ machine }: Kvm): bigint => BigInt(machine.addressSpaces - 1);

/** What an install adds to the number. */
const step = ({ machine }: Kvm): bigint => BigInt(machine.addressSpaces * 2);

/** The check of the patch, given another number. */
const givenNumber =
  (numberOf: (kvm: Kvm, generation: bigint) => bigint) =>
  (ops: Operations): Pick<Operations, "kvm_mmu_invalidate_mmio_sptes"> => ({
    *kvm_mmu_invalidate_mmio_sptes(kvm, generation) {
      yield* ops.kvm_mmu_invalidate_mmio_sptes(kvm, numberOf(kvm, generation));
    },
  });

export const mutants02 = mutantsOf(2, {
  "check-left-as-it-was": {
    title: "the field is compared to 0, flag and address space included",
    apply: without("kvm_mmu_invalidate_mmio_sptes"),
  },
  "mask-not-cleared": {
    title: "the bits of the address space are not cleared",
    apply: wrapsWhen((_kvm, _generation, field) => field >> 1n === 0n),
  },
  "shift-missing": {
    title: "the bit of the address space is cleared where the flag is",
    apply: wrapsWhen((kvm, _generation, field) => (field & ~addressSpaceBits(kvm)) === 0n),
  },
  "zero-tested-before-masking": {
    title: "the number itself is compared to 0",
    apply: wrapsWhen((_kvm, generation) => generation === 0n),
  },
  "field-not-masked": {
    title: "all 64 bits count: only the first wrap in the life of a VM is seen",
    apply: wrapsWhen((kvm, generation) => ((generation >> 1n) & ~addressSpaceBits(kvm)) === 0n),
  },
  "one-bit-too-many-cleared": {
    title: "twice as many numbers as there are address spaces count as a wrap",
    apply: wrapsWhen((kvm, _generation, field) => {
      return ((field >> 1n) & ~((addressSpaceBits(kvm) << 1n) | 1n)) === 0n;
    }),
  },
  "two-address-spaces-assumed": {
    title: "one bit is cleared however many address spaces there are",
    apply: wrapsWhen((_kvm, _generation, field) => ((field >> 1n) & ~1n) === 0n),
  },
  "address-space-0-only": {
    title: "only the number at which address space 0 wraps is looked for",
    apply: wrapsWhen((_kvm, _generation, field) => field >> 1n === 1n),
  },
  "flag-not-dropped": {
    title: "a number with the in-progress bit is never a wrap",
    apply: wrapsWhen((kvm, _generation, field) => {
      return (field & ~(addressSpaceBits(kvm) << 1n)) === 0n;
    }),
  },
  "one-install-early": {
    title: "the wrap is seen at the install before it",
    apply: givenNumber((kvm, generation) => u64(generation + step(kvm))),
  },
  "one-install-late": {
    title: "the wrap is seen at the install after it",
    apply: givenNumber((kvm, generation) => u64(generation - step(kvm))),
  },
  "any-address-space-at-its-wrap": {
    title: "an install wraps when the published number of the other address space has",
    apply: (ops) => ({
      *kvm_mmu_invalidate_mmio_sptes(kvm, generation) {
        for (const number of [generation, ...kvm.memslots.map((set) => set.generation)]) {
          if (number === generation || (number & 1n) === 0n) {
            yield* ops.kvm_mmu_invalidate_mmio_sptes(kvm, number);
          }
        }
      },
    }),
  },
});
