import { kvm_mmu_commit_zap_page } from "../kernel/free.ts";
import { cond_resched_lock, spin_lock, spin_unlock } from "../machine/mmu-lock.ts";
import { PageList } from "../machine/page-list.ts";
import { patch } from "../patch.ts";

export const rescheduleZappingMmio = patch({
  number: 14,
  title: "KVM: x86/mmu: Voluntarily reschedule as needed when zapping MMIO sptes",
  kinds: ["behaviour"],
  commit: "571c5af06e303",
  requires: { 13: "the walk that gives up the lock is 13's" },
  apply: () => ({
    *kvm_mmu_zap_mmio_sptes(kvm) {
      const { ops } = kvm;
      const invalid_list = new PageList();
      yield* spin_lock(kvm);
      yield* ops.walkPages(kvm, "kvm_mmu_zap_mmio_sptes", "newest-first", function* (sp) {
        if (!sp.mmio_cached) return "next";
        const zapped = ops.kvm_mmu_prepare_zap_page(kvm, sp, invalid_list) > 0;
        // No flush before the lock is dropped: in flux, no MMIO is cached anew. The table's
        // translations of RAM are forgotten about: erratum E2.
        const dropped = yield* cond_resched_lock(kvm);
        return zapped || dropped ? "restart" : "next";
      });
      kvm_mmu_commit_zap_page(kvm, invalid_list);
      spin_unlock(kvm);
    },
  }),
});
