import { kvm_mmu_commit_zap_page } from "../kernel/free.ts";
import { spin_lock, spin_unlock } from "../machine/mmu-lock.ts";
import { PageList } from "../machine/page-list.ts";
import { patch } from "../patch.ts";

export const zapMmioSptes = patch({
  number: 13,
  title: 'Revert "KVM: MMU: drop kvm_mmu_zap_mmio_sptes"',
  kinds: ["behaviour"],
  commit: "4771450c345dc",
  requires: {},
  place: { kvm_mmu_zap_mmio_sptes: "zapForMmioWrap" },
  apply: (below) => ({
    mark_mmio_spte(vcpu, sp, index, gfn, access) {
      sp.mmio_cached = true;
      below.mark_mmio_spte(vcpu, sp, index, gfn, access);
    },

    *kvm_mmu_zap_mmio_sptes(kvm) {
      const { ops } = kvm;
      const invalid_list = new PageList();
      yield* spin_lock(kvm);
      yield* ops.walkPages(kvm, "kvm_mmu_zap_mmio_sptes", "newest-first", function* (sp) {
        if (!sp.mmio_cached) return "next";
        return ops.kvm_mmu_prepare_zap_page(kvm, sp, invalid_list) > 0 ? "restart" : "next";
      });
      kvm_mmu_commit_zap_page(kvm, invalid_list);
      spin_unlock(kvm);
    },

    *zapForMmioWrap(kvm) {
      yield* kvm.ops.kvm_mmu_zap_mmio_sptes(kvm);
    },
  }),
});
