import { kvm_mmu_commit_zap_page } from "../kernel/free.ts";
import type { Kvm } from "../machine/kvm.ts";
import { cond_resched_lock } from "../machine/mmu-lock.ts";
import type { PageList } from "../machine/page-list.ts";
import type { Task } from "../machine/thread.ts";

/**
 * Zaps obsolete pages, oldest first; asks after every batch whether to drop the lock. No flush is
 * needed before that: no vCPU's root leads to an obsolete page. All are freed at the end
 * (arch/x86/kvm/mmu.c). Changed by patch 16 (a list of its own), 17 (frees before it drops the
 * lock), 18 (asks for every page); gone with 24.
 */
export function* kvm_zap_obsolete_pages(
  kvm: Kvm,
  invalid_list: PageList = kvm.zapped_obsolete_pages,
): Task<void> {
  const { ops } = kvm;
  let batch = 0;
  yield* ops.walkPages(kvm, "kvm_zap_obsolete_pages", "oldest-first", function* (sp) {
    if (!ops.is_obsolete_sp(kvm, sp)) return "stop"; // only newer pages from here on
    if (sp.invalid) return "next"; // a root in use, zapped and moved to the head
    if (batch >= ops.BATCH_ZAP_PAGES && (yield* cond_resched_lock(kvm))) {
      batch = 0;
      return "restart";
    }
    const zapped = ops.kvm_mmu_prepare_zap_page(kvm, sp, invalid_list);
    batch += zapped;
    return zapped > 0 ? "restart" : "next";
  });
  kvm_mmu_commit_zap_page(kvm, invalid_list);
}
