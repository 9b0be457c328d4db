import {
  ACC_WRITE_MASK,
  KVM_MEM_READONLY,
  pagesAtLevel,
  PFERR_RSVD_MASK,
  PFERR_WRITE_MASK,
  PT_DIRECTORY_LEVEL,
  PT64_ROOT_4LEVEL,
  PTE_PREFETCH_NUM,
} from "../machine/constants.ts";
import { spin_lock, spin_unlock } from "../machine/mmu-lock.ts";
import type { ShadowPage } from "../machine/shadow-page.ts";
import { is_large_pte, spte_to_pfn } from "../machine/spte.ts";
import type { Task } from "../machine/thread.ts";
import { kvm_vcpu_gfn_to_memslot, type Vcpu } from "../machine/vcpu.ts";
import { make_mmu_pages_available } from "./budget.ts";
import { mmu_notifier_retry, page_fault_handle_page_track } from "./direct-fault.ts";
import { kvm_flush_remote_tlbs } from "./flush.ts";
import { kvm_mmu_get_page } from "./get-page.ts";
import {
  gpte_access,
  gpte_changed,
  gpte_to_gfn,
  gpteAccessed,
  type GuestWalk,
  is_present_gpte,
  protect_clean_gpte,
  readGpte,
  walk_addr,
} from "./guest-walk.ts";
import { drop_parent_pte, drop_spte, link_shadow_page } from "./links.ts";
import {
  __direct_pte_prefetch,
  directTableBelow,
  drop_large_spte,
  mapping_level,
  mmu_set_spte,
  type Verdict,
} from "./map.ts";
import {
  __gfn_to_pfn_memslot,
  gfn_to_memslot_dirty_bitmap,
  gfn_to_pfn_memslot_atomic,
  KVM_PFN_ERR_RO_FAULT,
  KVM_PFN_NOSLOT,
} from "./slots.ts";
import { rootFor, tableIndex, walkToLeaf } from "./walk.ts";

/**
 * A fault of a vCPU whose guest page tables are shadowed (paging64_page_fault,
 * arch/x86/kvm/paging_tmpl.h).
 */

/** `guest-fault`: the guest's own tables forbid the access; the guest gets the page fault. */
export function* paging64_page_fault(
  vcpu: Vcpu,
  page: number,
  error_code: number,
): Task<Verdict | "guest-fault"> {
  const { kvm } = vcpu;
  const write = (error_code & PFERR_WRITE_MASK) !== 0;
  const walk = walk_addr(vcpu, page, write);
  if (walk === null) return "guest-fault";
  if (page_fault_handle_page_track(vcpu, error_code & ~PFERR_RSVD_MASK, walk.gfn)) {
    shadow_page_table_clear_flood(vcpu, page);
    return "emulate";
  }

  let level = 1;
  let { gfn } = walk;
  if (walk.level >= PT_DIRECTORY_LEVEL && !is_self_change_mapping(walk)) {
    const mapping = mapping_level(vcpu, walk.gfn);
    if (!mapping.force_pt_level) {
      level = Math.min(walk.level, mapping.level);
      gfn -= gfn % pagesAtLevel(level);
    }
  }

  const seen = kvm.mmu_notifier_seq;
  const slot = kvm_vcpu_gfn_to_memslot(vcpu, gfn);
  const pfn = __gfn_to_pfn_memslot(kvm, slot, gfn, write);
  const map_writable = slot !== null && (slot.flags & KVM_MEM_READONLY) === 0;
  if (kvm.stoppable) yield "slot.looked-up";
  if (pfn === KVM_PFN_ERR_RO_FAULT) return "emulate";
  if (pfn === KVM_PFN_NOSLOT) {
    yield* kvm.ops.vcpu_cache_mmio_info(vcpu, page * 4096, gfn, walk.pte_access);
  }

  yield* spin_lock(kvm);
  let verdict: Verdict = "retry";
  if (!mmu_notifier_retry(kvm, seen) && make_mmu_pages_available(kvm)) {
    if (pfn === KVM_PFN_NOSLOT) yield "spte.mark";
    verdict = fetch(vcpu, page, { ...walk, gfn }, write, level, pfn, map_writable);
  }
  spin_unlock(kvm);
  return verdict;
}

/** Whether the guest can write one of the tables that map the address through this very mapping. */
function is_self_change_mapping(walk: GuestWalk): boolean {
  if ((walk.pte_access & ACC_WRITE_MASK) === 0) return false;
  const size = pagesAtLevel(walk.level);
  const range = Math.floor(walk.gfn / size);
  for (let level = walk.level; level <= PT64_ROOT_4LEVEL; level++) {
    if (Math.floor(walk.table_gfn[level - 1]! / size) === range) return true;
  }
  return false;
}

/**
 * Builds the path of shadow pages for the address and maps it; gives up when the guest's tables
 * have changed.
 */
function fetch(
  vcpu: Vcpu,
  page: number,
  walk: GuestWalk,
  write: boolean,
  leafLevel: number,
  pfn: number,
  map_writable: boolean,
): Verdict {
  const { kvm } = vcpu;
  let sp = rootFor(vcpu, page);
  if (sp === null || gpte_changed(vcpu, walk, page, PT64_ROOT_4LEVEL)) return "retry";

  while (sp.role.level > walk.level) {
    sp.write_flooding_count = 0;
    const index = tableIndex(page, sp.role.level);
    drop_large_spte(vcpu, sp, index);
    const linked = kvm.masks.is_shadow_present_pte(sp, index);
    const level = sp.role.level - 1;
    const child: ShadowPage = linked
      ? kvm.page_header(spte_to_pfn(sp, index))
      : kvm_mmu_get_page(vcpu, walk.table_gfn[level - 1]!, {
          level,
          direct: false,
          access: walk.pt_access,
          smm: vcpu.smm,
        });
    // Getting the page has write-protected the table: from here on its entry cannot change.
    if (gpte_changed(vcpu, walk, page, level)) return "retry";
    if (!linked) link_shadow_page(kvm, sp, index, child);
    sp = child;
  }

  while (sp.role.level > leafLevel) {
    sp.write_flooding_count = 0;
    const index = tableIndex(page, sp.role.level);
    validate_direct_spte(vcpu, sp, index, walk.pte_access);
    sp = directTableBelow(vcpu, sp, index, walk.gfn, walk.pte_access);
  }

  sp.write_flooding_count = 0;
  const index = tableIndex(page, sp.role.level);
  const leaf = {
    access: walk.pte_access,
    gfn: walk.gfn,
    pfn,
    speculative: false,
    host_writable: map_writable,
  };
  const verdict = mmu_set_spte(vcpu, sp, index, leaf, write);
  pte_prefetch(vcpu, sp, index);
  return verdict;
}

/** A direct table under a guest large page must grant what the guest entry grants now. */
function validate_direct_spte(vcpu: Vcpu, sp: ShadowPage, index: number, access: number): void {
  const { kvm } = vcpu;
  if (!kvm.masks.is_shadow_present_pte(sp, index) || is_large_pte(sp, index)) return;
  const child = kvm.page_header(spte_to_pfn(sp, index));
  if (child.role.access === access) return;
  drop_parent_pte(child, sp, index);
  kvm_flush_remote_tlbs(kvm, "validate_direct_spte");
}

/** Maps the other entries of the aligned group of eight that the guest has accessed before. */
function pte_prefetch(vcpu: Vcpu, sp: ShadowPage, index: number): void {
  if (sp.role.level > 1) return;
  if (sp.role.direct) {
    __direct_pte_prefetch(vcpu, sp, index);
    return;
  }
  const group = index - (index % PTE_PREFETCH_NUM);
  for (let i = group; i < group + PTE_PREFETCH_NUM; i++) {
    if (i === index || vcpu.kvm.masks.is_shadow_present_pte(sp, i)) continue;
    const gpte = readGpte(vcpu, sp.gfn, i);
    if (gpte === null || !prefetch_gpte(vcpu, sp, i, gpte, true)) return;
  }
}

/** Maps an entry from the guest's without being asked. @returns false when that is not possible. */
export function prefetch_gpte(
  vcpu: Vcpu,
  sp: ShadowPage,
  index: number,
  gpte: bigint,
  no_dirty_log: boolean,
): boolean {
  const { kvm } = vcpu;
  if (!is_present_gpte(gpte) || !gpteAccessed(gpte)) {
    drop_spte(kvm, sp, index);
    return false;
  }
  const gfn = gpte_to_gfn(gpte);
  const access = protect_clean_gpte(sp.role.access & gpte_access(gpte), gpte);
  const written = (access & ACC_WRITE_MASK) !== 0;
  const slot = gfn_to_memslot_dirty_bitmap(vcpu, gfn, no_dirty_log && written);
  const pfn = slot === null ? KVM_PFN_NOSLOT : gfn_to_pfn_memslot_atomic(kvm, slot, gfn);
  if (pfn < 0) return false;
  mmu_set_spte(
    vcpu,
    sp,
    index,
    { access, gfn, pfn, speculative: true, host_writable: true },
    false,
  );
  return true;
}

function shadow_page_table_clear_flood(vcpu: Vcpu, page: number): void {
  walkToLeaf(vcpu, page, (sp) => {
    sp.write_flooding_count = 0;
  });
}
