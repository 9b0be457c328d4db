import { patch } from "../patch.ts";

export const wrapInAnyAddressSpace = patch({
  number: 2,
  title: "KVM: x86/mmu: Detect MMIO generation wrap in any address space",
  kinds: ["behaviour"],
  commit: "e1359e2beb8b0a1188abc997273acbaedc8ee791",
  requires: {},
  apply: () => ({
    *kvm_mmu_invalidate_mmio_sptes(kvm, generation) {
      const withoutFlag = (generation & kvm.ops.MMIO_GEN_MASK(kvm)) >> 1n;
      // Address spaces take turns in the lowest bits; what is left wraps in each of them.
      const wrapped = withoutFlag & ~BigInt(kvm.machine.addressSpaces - 1);
      if (wrapped === 0n) yield* kvm.ops.zapForMmioWrap(kvm);
    },
  }),
});
