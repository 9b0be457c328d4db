import { KVM_PFN_NOSLOT } from "../kernel/slots.ts";
import { kvm_vcpu_memslots } from "../machine/vcpu.ts";
import { erratum } from "../patch.ts";

export const noMarkingInFlux = erratum({
  id: "E7",
  kind: "gap",
  title: "MMIO SPTEs made while the wrapping install is in flux survive the wrap",
  // E1 does not hide it: a garbled entry matches 511 installs after the wrap.
  affects: (has) => has(1),
  apply: (below) => ({
    // In flux the access is emulated, but the entry is left as it is: the next access looks again.
    set_mmio_spte(vcpu, sp, index, leaf) {
      const { generation } = kvm_vcpu_memslots(vcpu);
      const inFlux = (generation & vcpu.kvm.ops.KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS) !== 0n;
      if (inFlux && leaf.pfn === KVM_PFN_NOSLOT) return true;
      return below.set_mmio_spte(vcpu, sp, index, leaf);
    },
  }),
});
