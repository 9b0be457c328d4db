import { kvm_mmu_commit_zap_page } from "../kernel/free.ts";
import { cond_resched_lock, need_resched_or_break } from "../machine/mmu-lock.ts";
import { PageList } from "../machine/page-list.ts";
import { patch } from "../patch.ts";

export const noBatching = patch({
  number: 18,
  title: 'Revert "KVM: MMU: zap pages in batch"',
  kinds: ["behaviour"],
  commit: "43d2b14b105fb00b8864c7b0ee7043cc1cc4a969",
  requires: {
    17: "the walk that asks before every page is 17's, which frees before it drops the lock",
  },
  removes: ["BATCH_ZAP_PAGES"],
  apply: () => ({
    *kvm_zap_obsolete_pages(kvm) {
      const { ops } = kvm;
      const invalid_list = new PageList();
      yield* ops.walkPages(kvm, "kvm_zap_obsolete_pages", "oldest-first", function* (sp) {
        if (!ops.is_obsolete_sp(kvm, sp)) return "stop"; // only newer pages from here on
        if (sp.invalid) return "next"; // a root in use, zapped and moved to the head
        if (need_resched_or_break(kvm)) {
          kvm_mmu_commit_zap_page(kvm, invalid_list);
          yield* cond_resched_lock(kvm);
          return "restart";
        }
        return ops.kvm_mmu_prepare_zap_page(kvm, sp, invalid_list) > 0 ? "restart" : "next";
      });
      kvm_mmu_commit_zap_page(kvm, invalid_list);
    },
  }),
});
