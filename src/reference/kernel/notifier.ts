import { PAGE_SIZE } from "../machine/constants.ts";
import type { Kvm } from "../machine/kvm.ts";
import { gfn_to_index } from "../machine/memslots.ts";
import { spin_lock, spin_unlock } from "../machine/mmu-lock.ts";
import type { Task } from "../machine/thread.ts";
import { kvm_flush_remote_tlbs } from "./flush.ts";
import { zapRmap } from "./links.ts";

/** The host takes a page of guest memory back (virt/kvm/kvm_main.c, MMU notifiers). */

/** @param hva any address in the page, in bytes. */
export function* hostRelease(kvm: Kvm, hva: number): Task<void> {
  const page = Math.floor(hva / PAGE_SIZE);
  yield* kvm_mmu_notifier_invalidate_range_start(kvm, page);
  kvm.host.release(page);
  yield* kvm_mmu_notifier_invalidate_range_end(kvm);
}

/**
 * Removes the page's translations and flushes if there was any; until the end, faults map nothing.
 */
function* kvm_mmu_notifier_invalidate_range_start(kvm: Kvm, page: number): Task<void> {
  const section = kvm.srcu.srcu_read_lock();
  yield* spin_lock(kvm);
  kvm.mmu_notifier_count++;
  const found = kvm_unmap_hva_range(kvm, page);
  if (found || kvm.tlbs_dirty)
    kvm_flush_remote_tlbs(kvm, "kvm_mmu_notifier_invalidate_range_start");
  spin_unlock(kvm);
  kvm.srcu.srcu_read_unlock(section);
}

function* kvm_mmu_notifier_invalidate_range_end(kvm: Kvm): Task<void> {
  yield* spin_lock(kvm);
  kvm.mmu_notifier_seq++;
  kvm.mmu_notifier_count--;
  spin_unlock(kvm);
}

/** Zaps the rmaps of the page in every slot of every address space that holds it, at all levels. */
function kvm_unmap_hva_range(kvm: Kvm, page: number): boolean {
  let found = false;
  for (const { slots } of kvm.memslots) {
    for (const slot of slots) {
      const first = slot.userspace_addr / PAGE_SIZE;
      if (page < first || page >= first + slot.npages) continue;
      const gfn = slot.base_gfn + (page - first);
      slot.arch.rmap.forEach((rmap, i) => {
        if (zapRmap(kvm, rmap, gfn_to_index(gfn, slot.base_gfn, i + 1))) found = true;
      });
    }
  }
  return found;
}
