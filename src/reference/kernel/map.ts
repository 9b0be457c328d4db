import {
  ACC_ALL,
  ACC_WRITE_MASK,
  KVM_MEMSLOT_INVALID,
  pagesAtLevel,
  PT_MAX_HUGEPAGE_LEVEL,
  PT_PAGE_TABLE_LEVEL,
  PTE_PREFETCH_NUM,
  RMAP_RECYCLE_THRESHOLD,
} from "../machine/constants.ts";
import {
  __mmu_gfn_lpage_is_disallowed,
  checkLargePage,
  hostPage,
  isReadonly,
} from "../machine/memslots.ts";
import { kvm_mmu_page_get_gfn, type ShadowPage } from "../machine/shadow-page.ts";
import {
  is_large_pte,
  is_writable_pte,
  spte_can_locklessly_be_made_writable,
  spte_to_pfn,
} from "../machine/spte.ts";
import { kvm_vcpu_gfn_to_memslot, type Vcpu } from "../machine/vcpu.ts";
import { kvm_flush_remote_tlbs, requestLocalFlush } from "./flush.ts";
import { kvm_mmu_get_page } from "./get-page.ts";
import { drop_parent_pte, drop_spte, link_shadow_page, rmap_add, zapRmap } from "./links.ts";
import { gfn_to_memslot_dirty_bitmap, kvm_vcpu_mark_page_dirty, slotForRole } from "./slots.ts";
import { gfn_to_index } from "../machine/memslots.ts";
import { mmu_need_write_protect } from "./write-tracking.ts";
import { rootFor, tableIndex } from "./walk.ts";

/** Writing translations into shadow pages (arch/x86/kvm/mmu.c). All of it runs under `mmu_lock`. */

/** What a page fault handler makes of a fault. */
export type Verdict = "retry" | "emulate" | "invalid";

/** A translation to be written into a leaf entry. */
export interface Leaf {
  /** ACC_* bits that the translation may grant. */
  readonly access: number;
  readonly gfn: number;
  /** A frame, or KVM_PFN_NOSLOT. */
  readonly pfn: number;
  /** Mapped before anybody asked: not accessed yet. */
  readonly speculative: boolean;
  /** The host lets the guest write. */
  readonly host_writable: boolean;
}

const SET_SPTE_WRITE_PROTECTED_PT = 1;
export const SET_SPTE_NEED_REMOTE_TLB_FLUSH = 2;

/**
 * Writes a present leaf entry over an empty one or over one of the same frame. @returns SET_SPTE_*
 * bits.
 */
export function set_spte(
  vcpu: Vcpu,
  sp: ShadowPage,
  index: number,
  leaf: Leaf,
  can_unsync: boolean,
): number {
  const { kvm } = vcpu;
  const { masks } = kvm;
  const { level } = sp.role;
  const wasPresent = masks.is_shadow_present_pte(sp, index);
  const mayWrite = leaf.host_writable && (leaf.access & ACC_WRITE_MASK) !== 0;
  if (
    mayWrite &&
    level > PT_PAGE_TABLE_LEVEL &&
    mmu_gfn_lpage_is_disallowed(vcpu, leaf.gfn, level)
  ) {
    return 0; // a table was shadowed in this range meanwhile: let the guest fault again
  }
  let result = 0;
  let writable = mayWrite;
  // A page that is synced and was writable needs no look at the hash: it is write-protected where
  // it is shadowed.
  const knownWritable = mayWrite && !can_unsync && wasPresent && is_writable_pte(sp, index);
  if (mayWrite && !knownWritable && mmu_need_write_protect(vcpu, leaf.gfn, can_unsync)) {
    result |= SET_SPTE_WRITE_PROTECTED_PT;
    writable = false;
  }
  const dirty = writable && !knownWritable;
  if (dirty) kvm_vcpu_mark_page_dirty(vcpu, leaf.gfn);

  const old = wasPresent
    ? {
        locklesslyWritable: spte_can_locklessly_be_made_writable(sp, index),
        accessed: (sp.spt.low(index) & masks.accessed) !== 0,
        dirty: (sp.spt.low(index) & masks.dirty) !== 0,
      }
    : null;
  masks.setLeaf(sp, index, {
    frame: leaf.pfn,
    access: leaf.access,
    large: level > PT_PAGE_TABLE_LEVEL,
    hostWritable: leaf.host_writable,
    writable,
    accessed: !leaf.speculative,
    dirty,
  });
  const lost =
    old !== null &&
    ((old.locklesslyWritable && !writable) ||
      (old.accessed && leaf.speculative) ||
      (old.dirty && !dirty));
  return lost ? result | SET_SPTE_NEED_REMOTE_TLB_FLUSH : result;
}

/** Writes a leaf entry, whatever was there before, and enters it into the rmap. */
export function mmu_set_spte(
  vcpu: Vcpu,
  sp: ShadowPage,
  index: number,
  leaf: Leaf,
  write_fault: boolean,
): Verdict {
  const { kvm } = vcpu;
  let verdict: Verdict = "retry";
  let flush = false;
  let wasMapped = false;
  if (kvm.masks.is_shadow_present_pte(sp, index)) {
    if (sp.role.level > PT_PAGE_TABLE_LEVEL && !is_large_pte(sp, index)) {
      drop_parent_pte(kvm.page_header(spte_to_pfn(sp, index)), sp, index);
      flush = true;
    } else if (spte_to_pfn(sp, index) !== leaf.pfn) {
      drop_spte(kvm, sp, index);
      flush = true;
    } else {
      wasMapped = true;
    }
  }

  if (kvm.ops.set_mmio_spte(vcpu, sp, index, leaf)) {
    verdict = "emulate";
  } else {
    const result = set_spte(vcpu, sp, index, leaf, true);
    if (result & SET_SPTE_WRITE_PROTECTED_PT) {
      if (write_fault) verdict = "emulate";
      requestLocalFlush(vcpu);
    }
    if (result & SET_SPTE_NEED_REMOTE_TLB_FLUSH) flush = true;
  }
  if (flush) kvm_flush_remote_tlbs(kvm, "mmu_set_spte");

  if (!wasMapped && kvm.masks.is_shadow_present_pte(sp, index)) {
    const others = rmap_add(kvm, sp, index, leaf.gfn);
    if (others > RMAP_RECYCLE_THRESHOLD) rmap_recycle(vcpu, sp, leaf.gfn);
  }
  return verdict;
}

/** Too many SPTEs map one gfn: drop them all. */
function rmap_recycle(vcpu: Vcpu, sp: ShadowPage, gfn: number): void {
  const { kvm } = vcpu;
  const slot = slotForRole(kvm, sp.role, gfn)!; // its rmap has just overflowed
  const rmap = slot.arch.rmap[sp.role.level - 1]!;
  zapRmap(kvm, rmap, gfn_to_index(gfn, slot.base_gfn, sp.role.level));
  kvm_flush_remote_tlbs(kvm, "rmap_recycle");
}

/** Removes a large translation where a table is to be linked. */
export function drop_large_spte(vcpu: Vcpu, sp: ShadowPage, index: number): void {
  const { kvm } = vcpu;
  if (!kvm.masks.is_shadow_present_pte(sp, index) || !is_large_pte(sp, index)) return;
  drop_spte(kvm, sp, index);
  kvm_flush_remote_tlbs(kvm, "drop_large_spte");
}

/** Whether the slot or a shadowed table in it forbids a large page of `level` around `gfn`. */
export function mmu_gfn_lpage_is_disallowed(vcpu: Vcpu, gfn: number, level: number): boolean {
  const slot = kvm_vcpu_gfn_to_memslot(vcpu, gfn);
  return slot === null || __mmu_gfn_lpage_is_disallowed(gfn, level, slot);
}

/**
 * The level to map `gfn` at: what host page, slot and alignment allow; 1 where large pages are out
 * of question.
 */
export function mapping_level(vcpu: Vcpu, gfn: number): { level: number; force_pt_level: boolean } {
  const slot = kvm_vcpu_gfn_to_memslot(vcpu, gfn);
  if (slot === null || (slot.flags & KVM_MEMSLOT_INVALID) !== 0 || slot.dirty_bitmap !== null) {
    return { level: PT_PAGE_TABLE_LEVEL, force_pt_level: true };
  }
  const hostLevel = Math.min(vcpu.kvm.host.levelOf(hostPage(slot, gfn)), PT_MAX_HUGEPAGE_LEVEL);
  let level = PT_PAGE_TABLE_LEVEL;
  while (level < hostLevel && !__mmu_gfn_lpage_is_disallowed(gfn, level + 1, slot)) level++;
  if (level > PT_PAGE_TABLE_LEVEL) checkLargePage(slot, gfn, level);
  return { level, force_pt_level: false };
}

/**
 * Maps `gfn` at `level` in the tables of a vCPU with direct paging, and its neighbours where that
 * is cheap.
 */
export function __direct_map(
  vcpu: Vcpu,
  write: boolean,
  level: number,
  gfn: number,
  pfn: number,
  map_writable: boolean,
): Verdict {
  let sp = rootFor(vcpu, gfn);
  if (sp === null) return "retry";
  while (sp.role.level > level) {
    const index = tableIndex(gfn, sp.role.level);
    sp = directTableBelow(vcpu, sp, index, gfn, ACC_ALL);
  }
  const leaf = { access: ACC_ALL, gfn, pfn, speculative: false, host_writable: map_writable };
  const index = tableIndex(gfn, level);
  const verdict = mmu_set_spte(vcpu, sp, index, leaf, write);
  if (level === PT_PAGE_TABLE_LEVEL) __direct_pte_prefetch(vcpu, sp, index);
  return verdict;
}

/** The direct table under an entry, made and linked if need be. */
export function directTableBelow(
  vcpu: Vcpu,
  sp: ShadowPage,
  index: number,
  gfn: number,
  access: number,
): ShadowPage {
  const { kvm } = vcpu;
  drop_large_spte(vcpu, sp, index);
  if (kvm.masks.is_shadow_present_pte(sp, index)) return kvm.page_header(spte_to_pfn(sp, index));
  const first = gfn - (gfn % pagesAtLevel(sp.role.level));
  const role = { level: sp.role.level - 1, direct: true, access, smm: vcpu.smm };
  const child = kvm_mmu_get_page(vcpu, first, role);
  link_shadow_page(kvm, sp, index, child);
  return child;
}

/**
 * In the aligned group of eight entries around the one just mapped: each run without a translation
 * that ends just before a translation, or before the new entry, is mapped too, as far as the host
 * has the pages.
 */
export function __direct_pte_prefetch(vcpu: Vcpu, sp: ShadowPage, index: number): void {
  const group = index - (index % PTE_PREFETCH_NUM);
  let start = -1;
  for (let i = group; i < group + PTE_PREFETCH_NUM; i++) {
    if (i !== index && !vcpu.kvm.masks.is_shadow_present_pte(sp, i)) {
      if (start < 0) start = i;
    } else if (start >= 0) {
      if (!direct_pte_prefetch_many(vcpu, sp, start, i)) return;
      start = -1;
    }
  }
}

/**
 * Maps entries `start` to `end` - 1 if one slot holds them all. @returns false when nothing could
 * be mapped.
 */
function direct_pte_prefetch_many(vcpu: Vcpu, sp: ShadowPage, start: number, end: number): boolean {
  const { host } = vcpu.kvm;
  const gfn = kvm_mmu_page_get_gfn(sp, start);
  const count = end - start;
  const slot = gfn_to_memslot_dirty_bitmap(vcpu, gfn, (sp.role.access & ACC_WRITE_MASK) !== 0);
  if (slot === null || isReadonly(slot) || gfn + count > slot.base_gfn + slot.npages) return false;
  const first = hostPage(slot, gfn);
  let mapped = 0;
  for (; mapped < count && host.isResident(first + mapped); mapped++) {
    const leaf = {
      access: sp.role.access,
      gfn: gfn + mapped,
      pfn: host.frameOf(first + mapped),
      speculative: true,
      host_writable: true,
    };
    mmu_set_spte(vcpu, sp, start + mapped, leaf, false);
  }
  return mapped > 0;
}
