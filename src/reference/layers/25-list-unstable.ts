import { kvm_mmu_commit_zap_page } from "../kernel/free.ts";
import { cond_resched_lock, spin_lock, spin_unlock } from "../machine/mmu-lock.ts";
import { PageList } from "../machine/page-list.ts";
import { patch } from "../patch.ts";

export const listUnstable = patch({
  number: 25,
  title: "KVM: x86/mmu: Differentiate between nr zapped and list unstable",
  kinds: ["behaviour"],
  requires: {
    14: "the walk over MMIO tables that starts again less often is 14's",
    23: "the walk over all tables that starts again less often is 23's",
  },
  place: { __kvm_mmu_prepare_zap_page: "kvm_mmu_prepare_zap_page" },
  apply: (below) => ({
    __kvm_mmu_prepare_zap_page(kvm, sp, invalid_list) {
      const nr_zapped = below.kvm_mmu_prepare_zap_page(kvm, sp, invalid_list);
      const itself = sp.root_count === 0 ? 1 : 0;
      return { nr_zapped, list_unstable: nr_zapped > itself };
    },

    kvm_mmu_prepare_zap_page(kvm, sp, invalid_list) {
      return kvm.ops.__kvm_mmu_prepare_zap_page(kvm, sp, invalid_list).nr_zapped > 0 ? 1 : 0;
    },

    *kvm_mmu_zap_mmio_sptes(kvm) {
      const { ops } = kvm;
      const invalid_list = new PageList();
      yield* spin_lock(kvm);
      yield* ops.walkPages(kvm, "kvm_mmu_zap_mmio_sptes", "newest-first", function* (sp) {
        if (!sp.mmio_cached) return "next";
        if (ops.__kvm_mmu_prepare_zap_page(kvm, sp, invalid_list).list_unstable) return "restart";
        return (yield* cond_resched_lock(kvm)) ? "restart" : "next";
      });
      kvm_mmu_commit_zap_page(kvm, invalid_list);
      spin_unlock(kvm);
    },

    *kvm_mmu_zap_all(kvm) {
      const { ops } = kvm;
      const invalid_list = new PageList();
      yield* spin_lock(kvm);
      yield* ops.walkPages(kvm, "kvm_mmu_zap_all", "newest-first", function* (sp) {
        if (sp.invalid && sp.root_count > 0) return "next";
        if (ops.__kvm_mmu_prepare_zap_page(kvm, sp, invalid_list).list_unstable) return "restart";
        return (yield* cond_resched_lock(kvm)) ? "restart" : "next";
      });
      kvm_mmu_commit_zap_page(kvm, invalid_list);
      spin_unlock(kvm);
    },
  }),
});
