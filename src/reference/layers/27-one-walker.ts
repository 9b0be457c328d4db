import { kvm_mmu_commit_zap_page } from "../kernel/free.ts";
import { warnOnce } from "../machine/events.ts";
import { cond_resched_lock, spin_lock, spin_unlock } from "../machine/mmu-lock.ts";
import { PageList } from "../machine/page-list.ts";
import { patch } from "../patch.ts";

export const oneWalker = patch({
  number: 27,
  title: "KVM: x86/mmu: Consolidate kvm_mmu_zap_all() and kvm_mmu_zap_mmio_sptes()",
  kinds: ["refactor"],
  requires: { 26: "the walker keeps 26's warning for the MMIO case" },
  removes: ["kvm_mmu_zap_mmio_sptes"],
  place: { __kvm_mmu_zap_all: "kvm_mmu_zap_all" },
  apply: () => ({
    *__kvm_mmu_zap_all(kvm, mmio_only) {
      const { ops } = kvm;
      const invalid_list = new PageList();
      yield* spin_lock(kvm);
      yield* ops.walkPages(kvm, "__kvm_mmu_zap_all", "newest-first", function* (sp) {
        if (mmio_only && !sp.mmio_cached) return "next";
        if (sp.invalid && sp.root_count > 0) return "next";
        if (ops.__kvm_mmu_prepare_zap_page(kvm, sp, invalid_list).list_unstable) {
          if (mmio_only) warnOnce(kvm, "__kvm_mmu_zap_all");
          return "restart";
        }
        return (yield* cond_resched_lock(kvm)) ? "restart" : "next";
      });
      kvm_mmu_commit_zap_page(kvm, invalid_list);
      spin_unlock(kvm);
    },

    *kvm_mmu_zap_all(kvm) {
      yield* kvm.ops.__kvm_mmu_zap_all(kvm, false);
    },

    *zapForMmioWrap(kvm) {
      yield* kvm.ops.__kvm_mmu_zap_all(kvm, true);
    },
  }),
});
