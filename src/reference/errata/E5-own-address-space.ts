import { kvm_vcpu_memslots } from "../machine/vcpu.ts";
import { erratum } from "../patch.ts";

export const ownAddressSpace = erratum({
  id: "E5",
  kind: "gap",
  title: "the per-vCPU MMIO cache follows address space 0 only",
  affects: () => true,
  apply: () => ({
    mmioCacheGeneration: (vcpu) => kvm_vcpu_memslots(vcpu).generation,
  }),
});
