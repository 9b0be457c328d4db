import { kvm_mmu_commit_zap_page } from "../kernel/free.ts";
import { warnOnce } from "../machine/events.ts";
import { cond_resched_lock, spin_lock, spin_unlock } from "../machine/mmu-lock.ts";
import { PageList } from "../machine/page-list.ts";
import { patch } from "../patch.ts";

export const warnOnMmioChildren = patch({
  number: 26,
  title: "KVM: x86/mmu: WARN if zapping a MMIO spte results in zapping children",
  kinds: ["behaviour"],
  requires: { 25: "what it warns about is 25's list_unstable" },
  apply: () => ({
    *kvm_mmu_zap_mmio_sptes(kvm) {
      const { ops } = kvm;
      const invalid_list = new PageList();
      yield* spin_lock(kvm);
      yield* ops.walkPages(kvm, "kvm_mmu_zap_mmio_sptes", "newest-first", function* (sp) {
        if (!sp.mmio_cached) return "next";
        if (ops.__kvm_mmu_prepare_zap_page(kvm, sp, invalid_list).list_unstable) {
          warnOnce(kvm, "kvm_mmu_zap_mmio_sptes");
          return "restart";
        }
        return (yield* cond_resched_lock(kvm)) ? "restart" : "next";
      });
      kvm_mmu_commit_zap_page(kvm, invalid_list);
      spin_unlock(kvm);
    },
  }),
});
