import { KVM_MEM_LOG_DIRTY_PAGES, KVM_MEMSLOT_INVALID } from "../machine/constants.ts";
import type { Kvm } from "../machine/kvm.ts";
import { hostPage, isReadonly, type Memslot, visible } from "../machine/memslots.ts";
import type { Role } from "../machine/shadow-page.ts";
import { kvm_vcpu_gfn_to_memslot, type Vcpu } from "../machine/vcpu.ts";

/** What a gfn resolves to instead of a frame (linux/kvm_host.h). Frames are not negative. */
export const KVM_PFN_NOSLOT = -1;
export const KVM_PFN_ERR_RO_FAULT = -2;
export const KVM_PFN_ERR_FAULT = -3;

/**
 * The slot that holds `gfn` in the set now published for a shadow page's address space, or null.
 */
export const slotForRole = (kvm: Kvm, role: Role, gfn: number): Memslot | null =>
  kvm.memslots[role.smm ? kvm.machine.addressSpaces - 1 : 0]?.__gfn_to_memslot(gfn) ?? null;

/**
 * The frame behind a gfn of a slot, brought in if need be: __gfn_to_pfn_memslot
 * (virt/kvm/kvm_main.c).
 */
export function __gfn_to_pfn_memslot(
  kvm: Kvm,
  slot: Memslot | null,
  gfn: number,
  write: boolean,
): number {
  const reachable = visible(slot);
  if (reachable === null) return KVM_PFN_NOSLOT;
  if (write && isReadonly(reachable)) return KVM_PFN_ERR_RO_FAULT;
  return kvm.host.frameOf(hostPage(reachable, gfn));
}

/**
 * The frame behind a gfn if the host has it now and it may be written, for speculative mappings.
 */
export function gfn_to_pfn_memslot_atomic(kvm: Kvm, slot: Memslot, gfn: number): number {
  if (isReadonly(slot)) return KVM_PFN_ERR_RO_FAULT;
  const page = hostPage(slot, gfn);
  return kvm.host.isResident(page) ? kvm.host.frameOf(page) : KVM_PFN_ERR_FAULT;
}

/** A slot that guest page tables may map: not INVALID, and (if asked) not logging dirty pages. */
export function gfn_to_memslot_dirty_bitmap(
  vcpu: Vcpu,
  gfn: number,
  no_dirty_log: boolean,
): Memslot | null {
  const slot = visible(kvm_vcpu_gfn_to_memslot(vcpu, gfn));
  return slot === null || (no_dirty_log && slot.dirty_bitmap !== null) ? null : slot;
}

/** Records a write in the slot's dirty bitmap: kvm_vcpu_mark_page_dirty (virt/kvm/kvm_main.c). */
export function kvm_vcpu_mark_page_dirty(vcpu: Vcpu, gfn: number): void {
  const slot = kvm_vcpu_gfn_to_memslot(vcpu, gfn);
  slot?.dirty_bitmap?.add(gfn - slot.base_gfn);
}

export const logsDirtyPages = (flags: number): boolean => (flags & KVM_MEM_LOG_DIRTY_PAGES) !== 0;

/** The same slot as readers see it while it is being deleted or moved. */
export const invalidated = (slot: Memslot): Memslot => ({
  ...slot,
  flags: slot.flags | KVM_MEMSLOT_INVALID,
});
