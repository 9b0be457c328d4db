import { compareGenerations } from "../base/check_mmio_spte.ts";
import type { Override } from "../compose.ts";
import { callHook, publishAndSynchronize, storeGeneration } from "../kernel/publish.ts";
import { warn } from "../machine/events.ts";
import type { Kvm } from "../machine/kvm.ts";
import { Memslots } from "../machine/memslots.ts";
import { bits, u64 } from "../machine/u64.ts";
import { kvm_vcpu_memslots } from "../machine/vcpu.ts";
import { mutantsOf, without } from "./mutant.ts";

const FLAG = 1n << 63n;

/** The numbers of an install: what it publishes, gives to the hook and stores. */
interface Numbers {
  readonly warnsAbout: bigint;
  readonly published: (old: bigint) => bigint;
  readonly hooked: (final: bigint, published: bigint) => bigint;
  readonly final: (published: bigint, addressSpaces: bigint) => bigint;
}

const RIGHT: Numbers = {
  warnsAbout: FLAG,
  published: (old) => old | FLAG,
  hooked: (final) => final,
  final: (published, addressSpaces) => (published & ~FLAG) + addressSpaces,
};

/** `install_new_memslots` with other numbers. */
const install =
  (wrong: Partial<Numbers>): Override["apply"] =>
  () => ({
    *install_new_memslots(kvm, as_id, slots) {
      const { warnsAbout, published, hooked, final } = { ...RIGHT, ...wrong };
      const old = kvm.memslots[as_id]!.generation;
      if (old & warnsAbout) warn(kvm, "install_new_memslots");
      slots.generation = u64(published(old));
      yield* publishAndSynchronize(kvm, as_id, slots);
      const generation = u64(final(slots.generation, BigInt(kvm.machine.addressSpaces)));
      yield* callHook(kvm, hooked(generation, slots.generation));
      yield* storeGeneration(kvm, as_id, slots, generation);
    },
  });

/** The wrap check with another idea of what is left of a number; null: nothing is done. */
const wrapCheck =
  (left: (kvm: Kvm, field: bigint, generation: bigint) => bigint | null): Override["apply"] =>
  (ops) => ({
    *kvm_mmu_invalidate_mmio_sptes(kvm, generation) {
      if (generation & FLAG) warn(kvm, "kvm_mmu_invalidate_mmio_sptes");
      const field = generation & ops.MMIO_GEN_MASK(kvm);
      if (left(kvm, field, generation) === 0n) yield* ops.zapForMmioWrap(kvm);
    },
  });

const withoutAddressSpace = (kvm: Kvm, field: bigint): bigint =>
  field & ~BigInt(kvm.machine.addressSpaces - 1);

export const mutants08 = mutantsOf(8, {
  "flag-left-in-bit-0": {
    title: "the flag is still bit 0, which address space 1 now has set",
    apply: without("KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS"),
  },
  "mask-left-as-it-was": {
    title: "the field is still bits 1-19 of the number",
    apply: without("MMIO_GEN_MASK"),
  },
  "shift-left-as-it-was": {
    title: "the field is still shifted down by one",
    apply: without("MMIO_SPTE_GEN_SHIFT"),
  },
  "mask-and-shift-left-as-they-were": {
    title: "the field is still bits 1-19 of the number: one install in two goes unnoticed",
    apply: without("MMIO_GEN_MASK", "MMIO_SPTE_GEN_SHIFT"),
  },
  "creation-left-as-it-was": {
    title: "address space 1 still starts at 2, where address space 0 comes to",
    apply: without("kvm_create_vm"),
  },
  "install-left-as-it-was": {
    title: "an install still adds twice the number of address spaces",
    apply: without("install_new_memslots"),
  },
  "wrap-check-left-as-it-was": {
    title: "the wrap check still shifts bit 0 out",
    apply: without("kvm_mmu_invalidate_mmio_sptes"),
  },
  "flag-is-bit-62": {
    title: "the flag is bit 62",
    apply: () => ({ KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS: 1n << 62n }),
  },
  "flag-is-bit-31": {
    title: "the flag is bit 31, as if a number had 32 bits",
    apply: () => ({ KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS: 1n << 31n }),
  },
  "both-at-0": {
    title: "both address spaces start at 0, and have the same numbers for good",
    apply: () => ({
      kvm_create_vm(kvm) {
        for (let i = 0; i < kvm.machine.addressSpaces; i++) kvm.memslots[i] = new Memslots(0n, []);
      },
    }),
  },
  "step-of-one": {
    title: "an install adds 1: the numbers of the address spaces meet",
    apply: install({ final: (published) => (published & ~FLAG) + 1n }),
  },
  "flag-not-cleared": {
    title: "the flag stays in the stored number",
    apply: install({ final: (published, addressSpaces) => published + addressSpaces }),
  },
  "flag-added": {
    title: "the flag is added, not ORed in: added to itself it is gone",
    apply: install({ published: (old) => old + FLAG }),
  },
  "flag-published-in-bit-0": {
    title: "the set is published with the old number + 1",
    apply: install({ published: (old) => old + 1n, final: (published) => published + 1n }),
  },
  "install-warns-about-bit-0": {
    title: "the install still warns about bit 0",
    apply: install({ warnsAbout: 1n }),
  },
  "hook-given-flagged-number": {
    title: "the hook is given the number in flux, which comes round one install late",
    apply: install({ hooked: (_final, published) => published }),
  },
  "wrap-check-does-not-warn": {
    title: "the wrap check masks the flag away and says nothing",
    apply: (ops) => ({
      *kvm_mmu_invalidate_mmio_sptes(kvm, generation) {
        yield* ops.kvm_mmu_invalidate_mmio_sptes(kvm, generation & ~FLAG);
      },
    }),
  },
  "wrap-check-returns-after-the-warning": {
    title: "a flagged number is warned about and not looked at",
    apply: wrapCheck((kvm, field, generation) =>
      generation & FLAG ? null : withoutAddressSpace(kvm, field),
    ),
  },
  "wrap-check-does-not-mask": {
    title: "only the very first numbers count as a wrap",
    apply: wrapCheck((kvm, _field, generation) => withoutAddressSpace(kvm, generation)),
  },
  "wrap-check-does-not-clear-the-address-space": {
    title: "address space 1 never wraps",
    apply: wrapCheck((_kvm, field) => field),
  },
  "wrap-check-clears-one-bit-more": {
    title: "two bits are taken for the address space: the install after the wrap wraps again",
    apply: wrapCheck((kvm, field) => withoutAddressSpace(kvm, field) & ~2n),
  },
  "mask-of-18-bits": {
    title: "the field is bits 0-17: it wraps twice as often",
    apply: () => ({ MMIO_GEN_MASK: (kvm) => bits(kvm.machine.mmioGenerationBits - 2, 0) }),
  },
  "mask-of-20-bits": {
    title: "the field is bits 0-19, the highest of which does not fit an entry",
    apply: () => ({ MMIO_GEN_MASK: (kvm) => bits(kvm.machine.mmioGenerationBits, 0) }),
  },
  "check-forgets-the-flag": {
    title: "an entry of the same number answers while the update is in flux",
    apply: (ops) => ({
      check_mmio_spte(vcpu, spte) {
        const { kvm } = vcpu;
        const kvm_gen = kvm_vcpu_memslots(vcpu).generation & ops.MMIO_GEN_MASK(kvm);
        return compareGenerations(vcpu, spte, kvm_gen, ops.get_mmio_spte_generation(kvm, spte));
      },
    }),
  },
  "cache-keeps-the-field-only": {
    title: "the per-vCPU cache keeps and compares the masked number, the flag lost",
    apply: (ops) => ({
      mmioCacheGeneration: (vcpu) => ops.mmioCacheGeneration(vcpu) & ops.MMIO_GEN_MASK(vcpu.kvm),
    }),
  },
});
