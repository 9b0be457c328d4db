import { kvm_mmu_commit_zap_page } from "../kernel/free.ts";
import {
  cond_resched_lock,
  need_resched_or_break,
  spin_lock,
  spin_unlock,
} from "../machine/mmu-lock.ts";
import { PageList } from "../machine/page-list.ts";
import { patch } from "../patch.ts";

export const flushAtEachBreak = patch({
  number: 17,
  title: 'Revert "KVM: MMU: collapse TLB flushes when zap all pages"',
  kinds: ["behaviour"],
  requires: {
    15: "the reload at the start goes, so each zapped root in use must ask for one",
    16: "what is freed before the lock is dropped is the list that 16 makes the walk's own",
  },
  apply: () => ({
    *kvm_zap_obsolete_pages(kvm) {
      const { ops } = kvm;
      const invalid_list = new PageList();
      let batch = 0;
      yield* ops.walkPages(kvm, "kvm_zap_obsolete_pages", "oldest-first", function* (sp) {
        if (!ops.is_obsolete_sp(kvm, sp)) return "stop"; // only newer pages from here on
        if (sp.invalid) return "next"; // a root in use, zapped and moved to the head
        if (batch >= ops.BATCH_ZAP_PAGES && need_resched_or_break(kvm)) {
          batch = 0;
          kvm_mmu_commit_zap_page(kvm, invalid_list);
          yield* cond_resched_lock(kvm);
          return "restart";
        }
        const zapped = ops.kvm_mmu_prepare_zap_page(kvm, sp, invalid_list);
        batch += zapped;
        return zapped > 0 ? "restart" : "next";
      });
      kvm_mmu_commit_zap_page(kvm, invalid_list);
    },

    *kvm_mmu_invalidate_zap_all_pages(kvm) {
      yield* spin_lock(kvm);
      kvm.ops.traceInvalidateZapAllPages(kvm);
      kvm.mmu_valid_gen++;
      yield* kvm.ops.kvm_zap_obsolete_pages(kvm);
      spin_unlock(kvm);
    },
  }),
});
