import { prepare_zap_oldest_mmu_page } from "../kernel/budget.ts";
import { kvm_mmu_commit_zap_page } from "../kernel/free.ts";
import type { Kvm } from "../machine/kvm.ts";
import { spin_lock, spin_unlock } from "../machine/mmu-lock.ts";
import { PageList } from "../machine/page-list.ts";
import type { Task } from "../machine/thread.ts";

/**
 * The host is short of memory: free what is zapped already, else zap the oldest page
 * (arch/x86/kvm/mmu.c). The kernel takes the first VM that has something to give; the model has
 * one. Changed by patch 16 (always the oldest page). @returns pages zapped for it.
 */
export function* mmu_shrink_scan(kvm: Kvm): Task<number> {
  if (kvm.n_used_mmu_pages === 0 && !kvm.ops.kvm_has_zapped_obsolete_pages(kvm)) return 0;
  const section = kvm.srcu.srcu_read_lock();
  yield* spin_lock(kvm);
  let freed = 0;
  if (kvm.ops.kvm_has_zapped_obsolete_pages(kvm)) {
    kvm_mmu_commit_zap_page(kvm, kvm.zapped_obsolete_pages);
  } else {
    const invalid_list = new PageList();
    if (prepare_zap_oldest_mmu_page(kvm, invalid_list)) freed++;
    kvm_mmu_commit_zap_page(kvm, invalid_list);
  }
  spin_unlock(kvm);
  kvm.srcu.srcu_read_unlock(section);
  return freed;
}
