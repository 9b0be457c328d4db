import {
  ACC_ALL,
  KVM_MEM_READONLY,
  pagesAtLevel,
  PFERR_FETCH_MASK,
  PFERR_PRESENT_MASK,
  PFERR_RSVD_MASK,
  PFERR_WRITE_MASK,
  PT_DIRECTORY_LEVEL,
} from "../machine/constants.ts";
import type { Kvm } from "../machine/kvm.ts";
import { spin_lock, spin_unlock } from "../machine/mmu-lock.ts";
import type { Task } from "../machine/thread.ts";
import { kvm_mmu_page_get_gfn } from "../machine/shadow-page.ts";
import {
  is_last_spte,
  is_writable_pte,
  makeWritable,
  spte_can_locklessly_be_made_writable,
} from "../machine/spte.ts";
import { kvm_vcpu_gfn_to_memslot, type Vcpu } from "../machine/vcpu.ts";
import { make_mmu_pages_available } from "./budget.ts";
import { __direct_map, mapping_level, type Verdict } from "./map.ts";
import {
  __gfn_to_pfn_memslot,
  KVM_PFN_ERR_RO_FAULT,
  KVM_PFN_NOSLOT,
  kvm_vcpu_mark_page_dirty,
} from "./slots.ts";
import { walkToLeaf } from "./walk.ts";
import { kvm_page_track_is_active } from "./write-tracking.ts";

/**
 * A fault of a vCPU with direct paging: tdp_page_fault with EPT or NPT, nonpaging_page_fault with
 * PAE roots (arch/x86/kvm/mmu.c). They differ in the largest page they may map.
 */
export function* direct_page_fault(vcpu: Vcpu, page: number, error_code: number): Task<Verdict> {
  const { kvm } = vcpu;
  const write = (error_code & PFERR_WRITE_MASK) !== 0;
  if (page_fault_handle_page_track(vcpu, error_code, page)) return "emulate";

  const mapping = mapping_level(vcpu, page);
  const level = vcpu.rootLevel === 2 ? Math.min(mapping.level, PT_DIRECTORY_LEVEL) : mapping.level;
  const gfn = mapping.force_pt_level ? page : page - (page % pagesAtLevel(level));
  if (fast_page_fault(vcpu, page, error_code)) return "retry";

  const seen = kvm.mmu_notifier_seq;
  const slot = kvm_vcpu_gfn_to_memslot(vcpu, gfn);
  const pfn = __gfn_to_pfn_memslot(kvm, slot, gfn, write);
  const map_writable = slot !== null && (slot.flags & KVM_MEM_READONLY) === 0;
  if (kvm.stoppable) yield "slot.looked-up";
  if (pfn === KVM_PFN_ERR_RO_FAULT) return "emulate";
  if (pfn === KVM_PFN_NOSLOT) {
    yield* kvm.ops.vcpu_cache_mmio_info(vcpu, 0, gfn, ACC_ALL);
  }

  yield* spin_lock(kvm);
  let verdict: Verdict = "retry";
  if (!mmu_notifier_retry(kvm, seen) && make_mmu_pages_available(kvm)) {
    if (pfn === KVM_PFN_NOSLOT) yield "spte.mark";
    verdict = __direct_map(vcpu, write, level, gfn, pfn, map_writable);
  }
  spin_unlock(kvm);
  return verdict;
}

/** Whether the host took a page back since `seen`, or is about to. */
export const mmu_notifier_retry = (kvm: Kvm, seen: number): boolean =>
  kvm.mmu_notifier_count > 0 || kvm.mmu_notifier_seq !== seen;

/** A write to a present, read-only entry of a tracked page cannot be mapped; it is emulated. */
export const page_fault_handle_page_track = (
  vcpu: Vcpu,
  error_code: number,
  gfn: number,
): boolean =>
  (error_code & PFERR_RSVD_MASK) === 0 &&
  (error_code & PFERR_PRESENT_MASK) !== 0 &&
  (error_code & PFERR_WRITE_MASK) !== 0 &&
  kvm_page_track_is_active(vcpu, gfn);

/**
 * Lifts the write protection of dirty logging without the lock (arch/x86/kvm/mmu.c).
 * @returns whether the access can be tried again.
 */
function fast_page_fault(vcpu: Vcpu, page: number, error_code: number): boolean {
  const { kvm } = vcpu;
  const write = (error_code & PFERR_WRITE_MASK) !== 0;
  const fetch = (error_code & PFERR_FETCH_MASK) !== 0;
  if (error_code & PFERR_RSVD_MASK || fetch || !write || !(error_code & PFERR_PRESENT_MASK))
    return false;
  const end = walkToLeaf(vcpu, page);
  if (end === null) return false;
  const { sp, index } = end;
  if (!kvm.masks.is_shadow_present_pte(sp, index) || !is_last_spte(sp, index)) return false;
  if (is_writable_pte(sp, index)) return true;
  if (!spte_can_locklessly_be_made_writable(sp, index) || sp.role.level > 1) return false;
  makeWritable(sp, index);
  kvm_vcpu_mark_page_dirty(vcpu, kvm_mmu_page_get_gfn(sp, index));
  return true;
}
