import type { Kvm } from "../machine/kvm.ts";
import { KernelBug } from "../machine/failures.ts";
import { gfn_to_index } from "../machine/memslots.ts";
import type { Rmap } from "../machine/rmap.ts";
import { kvm_mmu_page_get_gfn, pointerTo, type ShadowPage } from "../machine/shadow-page.ts";
import { is_large_pte, is_last_spte, spte_to_pfn } from "../machine/spte.ts";
import { PT64_ENT_PER_PAGE } from "../machine/constants.ts";
import { slotForRole } from "./slots.ts";
import { mark_unsync } from "./unsync.ts";

/**
 * Links between shadow pages, and between leaf entries and the rmaps of their gfn
 * (arch/x86/kvm/mmu.c).
 */

/**
 * The rmap and index for an entry: gfn_to_rmap. @throws KernelBug when no slot holds the gfn any
 * more.
 */
function gfn_to_rmap(kvm: Kvm, sp: ShadowPage, gfn: number): { rmap: Rmap; index: number } {
  const slot = slotForRole(kvm, sp.role, gfn);
  if (slot === null)
    throw new KernelBug(`no slot holds gfn 0x${gfn.toString(16)}, which an SPTE maps`);
  const { level } = sp.role;
  return {
    rmap: slot.arch.rmap[level - 1]!,
    index: gfn_to_index(gfn, slot.base_gfn, level),
  };
}

/** Enters a leaf SPTE into the rmap of its gfn. @returns how many mapped the gfn before. */
export function rmap_add(kvm: Kvm, sp: ShadowPage, index: number, gfn: number): number {
  if (sp.gfns !== null) sp.gfns[index] = gfn;
  const head = gfn_to_rmap(kvm, sp, gfn);
  return head.rmap.add(head.index, pointerTo(sp, index));
}

/** Clears a leaf entry; if it was a translation, it leaves its rmap. */
export function drop_spte(kvm: Kvm, sp: ShadowPage, index: number): void {
  const present = kvm.masks.is_shadow_present_pte(sp, index);
  sp.spt.clear(index);
  if (!present) return;
  const head = gfn_to_rmap(kvm, sp, kvm_mmu_page_get_gfn(sp, index));
  head.rmap.remove(head.index, pointerTo(sp, index));
}

/** Clears every leaf SPTE of one rmap entry. @returns whether there was any: a flush is owed. */
export function zapRmap(kvm: Kvm, rmap: Rmap, index: number): boolean {
  const pointers = rmap.pointers(index);
  for (const pointer of pointers) {
    rmap.remove(index, pointer);
    const { sp, index: entry } = kvm.sptep(pointer);
    sp.spt.clear(entry);
    kvm.unflushed = true;
  }
  return pointers.length > 0;
}

/** Makes an entry point to a table one level below. */
export function link_shadow_page(kvm: Kvm, sp: ShadowPage, index: number, child: ShadowPage): void {
  kvm.masks.linkToTable(sp, index, child);
  child.parent_ptes.push({ sp, index });
  if (child.unsync || child.unsync_children > 0) mark_unsync({ sp, index });
}

/** Undoes `link_shadow_page`. */
export function drop_parent_pte(child: ShadowPage, sp: ShadowPage, index: number): void {
  const at = child.parent_ptes.findIndex((parent) => parent.sp === sp && parent.index === index);
  if (at < 0) throw new KernelBug(`shadow page ${child.id} does not know its parent ${sp.id}`);
  child.parent_ptes.splice(at, 1);
  sp.spt.clear(index);
}

/** Clears one entry, whatever it is. @returns whether it was present. */
export function mmu_page_zap_pte(kvm: Kvm, sp: ShadowPage, index: number): boolean {
  const present = kvm.masks.is_shadow_present_pte(sp, index);
  if (!present) sp.spt.clear(index);
  else if (is_last_spte(sp, index)) drop_spte(kvm, sp, index);
  else drop_parent_pte(kvm.page_header(spte_to_pfn(sp, index)), sp, index);
  if (present) kvm.unflushed = true;
  return present;
}

export function kvm_mmu_page_unlink_children(kvm: Kvm, sp: ShadowPage): void {
  for (let index = 0; index < PT64_ENT_PER_PAGE; index++) {
    if (!sp.spt.isZero(index)) mmu_page_zap_pte(kvm, sp, index);
  }
}

export function kvm_mmu_unlink_parents(sp: ShadowPage): void {
  for (const parent of [...sp.parent_ptes]) drop_parent_pte(sp, parent.sp, parent.index);
}

/** The table that an entry points to, or null when it is empty, MMIO or a leaf. */
export function childTable(kvm: Kvm, sp: ShadowPage, index: number): ShadowPage | null {
  if (
    !kvm.masks.is_shadow_present_pte(sp, index) ||
    sp.role.level === 1 ||
    is_large_pte(sp, index)
  ) {
    return null;
  }
  return kvm.page_header(spte_to_pfn(sp, index));
}
