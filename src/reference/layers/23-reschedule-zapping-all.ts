import { kvm_mmu_commit_zap_page } from "../kernel/free.ts";
import { cond_resched_lock, spin_lock, spin_unlock } from "../machine/mmu-lock.ts";
import { PageList } from "../machine/page-list.ts";
import { patch } from "../patch.ts";

export const rescheduleZappingAll = patch({
  number: 23,
  title: "KVM: x86/mmu: Voluntarily reschedule as needed when zapping all sptes",
  kinds: ["behaviour"],
  requires: {
    21: "the walk that gives up the lock is 21's",
    22: "a walk that starts again after each break must not zap roots in use again and again",
  },
  apply: () => ({
    *kvm_mmu_zap_all(kvm) {
      const { ops } = kvm;
      const invalid_list = new PageList();
      yield* spin_lock(kvm);
      yield* ops.walkPages(kvm, "kvm_mmu_zap_all", "newest-first", function* (sp) {
        if (sp.invalid && sp.root_count > 0) return "next";
        const zapped = ops.kvm_mmu_prepare_zap_page(kvm, sp, invalid_list) > 0;
        const dropped = yield* cond_resched_lock(kvm);
        return zapped || dropped ? "restart" : "next";
      });
      kvm_mmu_commit_zap_page(kvm, invalid_list);
      spin_unlock(kvm);
    },
  }),
});
