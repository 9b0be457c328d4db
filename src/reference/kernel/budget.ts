import {
  KVM_MIN_ALLOC_MMU_PAGES,
  KVM_MIN_FREE_MMU_PAGES,
  KVM_PERMILLE_MMU_PAGES,
  KVM_REFILL_PAGES,
} from "../machine/constants.ts";
import type { Kvm } from "../machine/kvm.ts";
import { spin_lock, spin_unlock } from "../machine/mmu-lock.ts";
import { PageList } from "../machine/page-list.ts";
import type { Task } from "../machine/thread.ts";
import { kvm_mmu_commit_zap_page } from "./free.ts";

/** The shadow page budget: set at region changes, enforced at faults (arch/x86/kvm/mmu.c). */

/** 2% of the guest's pages, at least 64. */
export function kvm_mmu_calculate_default_mmu_pages(kvm: Kvm): number {
  let pages = 0;
  for (const set of kvm.memslots) for (const slot of set.slots) pages += slot.npages;
  return Math.max(Math.floor((pages * KVM_PERMILLE_MMU_PAGES) / 1000), KVM_MIN_ALLOC_MMU_PAGES);
}

/** Prepares the oldest page for freeing. @returns whether any page went on the list. */
export function prepare_zap_oldest_mmu_page(kvm: Kvm, invalid_list: PageList): boolean {
  const oldest = kvm.active_mmu_pages.tail;
  return oldest !== null && kvm.ops.kvm_mmu_prepare_zap_page(kvm, oldest, invalid_list) > 0;
}

/** Sets the budget in pages; what is in use above it goes, oldest first. */
export function* kvm_mmu_change_mmu_pages(kvm: Kvm, goal: number): Task<void> {
  yield* spin_lock(kvm);
  const invalid_list = new PageList();
  let budget = goal;
  if (kvm.n_used_mmu_pages > goal) {
    while (kvm.n_used_mmu_pages > goal && prepare_zap_oldest_mmu_page(kvm, invalid_list));
    kvm_mmu_commit_zap_page(kvm, invalid_list);
    budget = kvm.n_used_mmu_pages;
  }
  kvm.n_max_mmu_pages = budget;
  spin_unlock(kvm);
}

const kvm_mmu_available_pages = (kvm: Kvm): number =>
  Math.max(kvm.n_max_mmu_pages - kvm.n_used_mmu_pages, 0);

/** Makes room for the pages that a fault may need. @returns false when there is none (-ENOSPC). */
export function make_mmu_pages_available(kvm: Kvm): boolean {
  if (kvm_mmu_available_pages(kvm) >= KVM_MIN_FREE_MMU_PAGES) return true;
  const invalid_list = new PageList();
  while (
    kvm_mmu_available_pages(kvm) < KVM_REFILL_PAGES &&
    prepare_zap_oldest_mmu_page(kvm, invalid_list)
  );
  kvm_mmu_commit_zap_page(kvm, invalid_list);
  return kvm_mmu_available_pages(kvm) > 0;
}
