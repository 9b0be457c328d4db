import { KernelBug } from "../machine/failures.ts";
import type { Kvm } from "../machine/kvm.ts";
import {
  gfn_to_index,
  type Memslot,
  update_gfn_disallow_lpage_count,
} from "../machine/memslots.ts";
import type { Rmap } from "../machine/rmap.ts";
import type { ShadowPage } from "../machine/shadow-page.ts";
import { spte_write_protect } from "../machine/spte.ts";
import { kvm_vcpu_gfn_to_memslot, type Vcpu } from "../machine/vcpu.ts";
import { kvm_flush_remote_tlbs } from "./flush.ts";
import { slotForRole } from "./slots.ts";
import { kvm_unsync_page } from "./unsync.ts";

/**
 * Guest page tables that are shadowed must not be written behind our back (mmu.c, page_track.c).
 */

/** Takes write permission from all SPTEs of one rmap entry. @returns whether a flush is owed. */
export function __rmap_write_protect(
  kvm: Kvm,
  rmap: Rmap,
  index: number,
  pt_protect: boolean,
): boolean {
  let flush = false;
  for (const pointer of rmap.pointers(index)) {
    const { sp, index: entry } = kvm.sptep(pointer);
    if (spte_write_protect(sp, entry, pt_protect)) flush = true;
  }
  return flush;
}

/** Takes write permission for a gfn at all mapping levels. @returns whether a flush is owed. */
export function kvm_mmu_slot_gfn_write_protect(kvm: Kvm, slot: Memslot, gfn: number): boolean {
  let flush = false;
  slot.arch.rmap.forEach((rmap, i) => {
    const index = gfn_to_index(gfn, slot.base_gfn, i + 1);
    if (__rmap_write_protect(kvm, rmap, index, true)) flush = true;
  });
  return flush;
}

export function rmap_write_protect(vcpu: Vcpu, gfn: number): boolean {
  const slot = kvm_vcpu_gfn_to_memslot(vcpu, gfn);
  return slot !== null && kvm_mmu_slot_gfn_write_protect(vcpu.kvm, slot, gfn);
}

/**
 * Whether writes to the gfn are intercepted because it is a shadowed table of level 2 or higher.
 */
export function kvm_page_track_is_active(vcpu: Vcpu, gfn: number): boolean {
  if (vcpu.kvm.indirect_shadow_pages === 0) return false;
  const slot = kvm_vcpu_gfn_to_memslot(vcpu, gfn);
  return slot !== null && (slot.arch.gfn_track.get(gfn - slot.base_gfn) ?? 0) > 0;
}

/** A new indirect page: its guest page table is write-protected, and no large page may cover it. */
export function account_shadowed(kvm: Kvm, sp: ShadowPage): void {
  kvm.indirect_shadow_pages++;
  const slot = tableSlot(kvm, sp);
  update_gfn_disallow_lpage_count(slot, sp.gfn, 1);
  if (sp.role.level === 1) return;
  track(slot, sp.gfn, 1);
  if (kvm_mmu_slot_gfn_write_protect(kvm, slot, sp.gfn))
    kvm_flush_remote_tlbs(kvm, "kvm_mmu_get_page");
}

/**
 * An indirect page goes: undoes `account_shadowed`, but for the write protection, which a fault
 * lifts.
 */
export function unaccount_shadowed(kvm: Kvm, sp: ShadowPage): void {
  kvm.indirect_shadow_pages--;
  const slot = tableSlot(kvm, sp);
  update_gfn_disallow_lpage_count(slot, sp.gfn, -1);
  if (sp.role.level > 1) track(slot, sp.gfn, -1);
}

function track(slot: Memslot, gfn: number, count: 1 | -1): void {
  const { gfn_track } = slot.arch;
  gfn_track.set(gfn - slot.base_gfn, (gfn_track.get(gfn - slot.base_gfn) ?? 0) + count);
}

function tableSlot(kvm: Kvm, sp: ShadowPage): Memslot {
  const slot = slotForRole(kvm, sp.role, sp.gfn);
  if (slot === null) {
    throw new KernelBug(`no slot holds the guest page table at gfn 0x${sp.gfn.toString(16)}`);
  }
  return slot;
}

/**
 * Whether a mapping of `gfn` must stay read-only because the gfn is a shadowed table. If it may, a
 * level 1 table goes unsync instead.
 */
export function mmu_need_write_protect(vcpu: Vcpu, gfn: number, can_unsync: boolean): boolean {
  const { kvm } = vcpu;
  if (kvm.indirect_shadow_pages === 0) return false;
  if (kvm_page_track_is_active(vcpu, gfn)) return true;
  for (const sp of indirectValidPages(kvm, gfn)) {
    if (!can_unsync) return true;
    if (!sp.unsync) kvm_unsync_page(kvm, sp);
  }
  return false;
}

/** Valid shadow pages of the guest page table at `gfn`: for_each_gfn_indirect_valid_sp. */
export function* indirectValidPages(kvm: Kvm, gfn: number): Iterable<ShadowPage> {
  for (const sp of kvm.ops.for_each_valid_sp(kvm, gfn)) if (!sp.role.direct) yield sp;
}
