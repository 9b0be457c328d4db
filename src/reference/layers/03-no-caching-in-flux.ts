import { fillCache } from "../base/vcpu_cache_mmio_info.ts";
import { patch } from "../patch.ts";

export const noCachingInFlux = patch({
  number: 3,
  title: "KVM: x86/mmu: Do not cache MMIO accesses while memslots are in flux",
  kinds: ["behaviour"],
  commit: "ddfd1730fd829743e41213e32ccc8b4aa6dc8325",
  requires: {},
  apply: () => ({
    *vcpu_cache_mmio_info(vcpu, gva, gfn, access) {
      const { ops } = vcpu.kvm;
      yield "cache.fill";
      const generation = ops.mmioCacheGeneration(vcpu);
      if (generation & ops.KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS) return;
      fillCache(vcpu, gva, gfn, access, generation);
    },
  }),
});
