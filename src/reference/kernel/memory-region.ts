import {
  KVM_MEM_LOG_DIRTY_PAGES,
  KVM_MEM_MAX_NR_PAGES,
  KVM_MEM_READONLY,
  KVM_USER_MEM_SLOTS,
  PAGE_SIZE,
  TASK_SIZE_MAX,
} from "../machine/constants.ts";
import type { Kvm } from "../machine/kvm.ts";
import { isReadonly, type Memslot, MemslotArch, Memslots } from "../machine/memslots.ts";
import { spin_lock, spin_unlock } from "../machine/mmu-lock.ts";
import type { Rmap } from "../machine/rmap.ts";
import { spte_to_pfn } from "../machine/spte.ts";
import type { Task } from "../machine/thread.ts";
import { kvm_mmu_calculate_default_mmu_pages, kvm_mmu_change_mmu_pages } from "./budget.ts";
import { kvm_flush_remote_tlbs } from "./flush.ts";
import { drop_spte } from "./links.ts";
import { invalidated, logsDirtyPages } from "./slots.ts";
import { __rmap_write_protect } from "./write-tracking.ts";

/**
 * KVM_SET_USER_MEMORY_REGION and what follows from it (virt/kvm/kvm_main.c, arch/x86/kvm/x86.c).
 */

/**
 * struct kvm_userspace_memory_region: what userspace asks for, unchecked. Unsigned 64-bit but for
 * slot and flags.
 */
export interface UserMemoryRegion {
  /** Bits 0-15 slot id, bits 16- address space. */
  readonly slot: number;
  readonly flags: number;
  readonly guest_phys_addr: bigint;
  readonly memory_size: bigint;
  readonly userspace_addr: bigint;
}

export type RegionError = "EINVAL" | "EEXIST";
type Change = "KVM_MR_CREATE" | "KVM_MR_DELETE" | "KVM_MR_MOVE" | "KVM_MR_FLAGS_ONLY";

/**
 * What a region call is about to do; `old` or `slot` is null where there is none before or after.
 */
interface RegionUpdate {
  readonly change: Change;
  readonly as_id: number;
  readonly id: number;
  readonly old: Memslot | null;
  readonly slot: Memslot | null;
}

/**
 * The region call. One at a time; a second one waits. @returns null, or the error: then nothing has
 * changed.
 */
export function* kvm_set_memory_region(kvm: Kvm, mem: UserMemoryRegion): Task<RegionError | null> {
  const ready = (): boolean => !kvm.slots_lock;
  while (!ready()) yield { waitsFor: "slots_lock", ready };
  kvm.slots_lock = true;
  const result = yield* __kvm_set_memory_region(kvm, mem);
  kvm.slots_lock = false;
  return result;
}

function* __kvm_set_memory_region(kvm: Kvm, mem: UserMemoryRegion): Task<RegionError | null> {
  const update = planUpdate(kvm, mem);
  if (update === null || typeof update === "string") return update;
  const { ops } = kvm;
  const { change, as_id, id, old, slot } = update;
  if (old !== null && (change === "KVM_MR_DELETE" || change === "KVM_MR_MOVE")) {
    const doomed = invalidated(old);
    yield* ops.install_new_memslots(kvm, as_id, replaced(kvm, as_id, id, doomed));
    yield* kvm_arch_flush_shadow_memslot(kvm, doomed);
  }
  yield* ops.install_new_memslots(kvm, as_id, replaced(kvm, as_id, id, slot));
  yield* kvm_arch_commit_memory_region(kvm, update);
  return null;
}

/**
 * Removes what is mapped through the slot: the page track notifier calls the MMU's memslot flush
 * handler.
 */
const kvm_arch_flush_shadow_memslot = (kvm: Kvm, slot: Memslot): Task<void> =>
  kvm.ops.kvm_mmu_invalidate_zap_pages_in_memslot(kvm, slot);

const replaced = (kvm: Kvm, as_id: number, id: number, slot: Memslot | null): Memslots =>
  new Memslots(0n, kvm.memslots[as_id]!.withSlot(id, slot));

const PAGE_OFFSET = BigInt(PAGE_SIZE - 1);
const TASK_END = BigInt(TASK_SIZE_MAX);
const U64_MAX = (1n << 64n) - 1n;

/** Checks a call. @returns what to do, an error, or null when there is nothing to change. */
function planUpdate(kvm: Kvm, mem: UserMemoryRegion): RegionUpdate | RegionError | null {
  if ((mem.flags & ~(KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY)) !== 0) return "EINVAL";
  const as_id = mem.slot >>> 16;
  const id = mem.slot & 0xffff;
  const misaligned = (mem.memory_size | mem.guest_phys_addr | mem.userspace_addr) & PAGE_OFFSET;
  if (misaligned || mem.userspace_addr + mem.memory_size > TASK_END) return "EINVAL";
  if (as_id >= kvm.machine.addressSpaces || id >= KVM_USER_MEM_SLOTS) return "EINVAL";
  if (mem.guest_phys_addr + mem.memory_size > U64_MAX) return "EINVAL";
  const npages = Number(mem.memory_size) / PAGE_SIZE;
  if (npages > KVM_MEM_MAX_NR_PAGES) return "EINVAL";

  const set = kvm.memslots[as_id]!;
  const old = set.id_to_memslot(id);
  if (npages === 0) {
    return old === null ? "EINVAL" : { change: "KVM_MR_DELETE", as_id, id, old, slot: null };
  }
  const place = {
    base_gfn: Number(mem.guest_phys_addr) / PAGE_SIZE,
    npages,
    userspace_addr: Number(mem.userspace_addr),
  };
  const slot: Memslot = {
    id,
    ...place,
    flags: mem.flags,
    dirty_bitmap: logsDirtyPages(mem.flags) ? (old?.dirty_bitmap ?? new Set()) : null,
    arch: old === null ? new MemslotArch(place) : kvm.ops.archOfChangedSlot(old, place),
  };
  const change = kindOfChange(old, slot);
  if (change === null || change === "EINVAL") return change;
  const moves = change === "KVM_MR_CREATE" || change === "KVM_MR_MOVE";
  if (moves && set.slots.some((other) => other.id !== id && overlap(other, slot))) return "EEXIST";
  return { change, as_id, id, old, slot };
}

function kindOfChange(old: Memslot | null, slot: Memslot): Change | "EINVAL" | null {
  if (old === null) return "KVM_MR_CREATE";
  const fixed =
    old.userspace_addr === slot.userspace_addr &&
    old.npages === slot.npages &&
    isReadonly(old) === isReadonly(slot);
  if (!fixed) return "EINVAL";
  if (old.base_gfn !== slot.base_gfn) return "KVM_MR_MOVE";
  return old.flags === slot.flags ? null : "KVM_MR_FLAGS_ONLY";
}

const overlap = (a: Memslot, b: Memslot): boolean =>
  a.base_gfn < b.base_gfn + b.npages && b.base_gfn < a.base_gfn + a.npages;

/** After the last install: the page budget follows the memory; dirty logging takes hold or ends. */
function* kvm_arch_commit_memory_region(kvm: Kvm, { old, slot }: RegionUpdate): Task<void> {
  if (kvm.machine.pageBudget === null) {
    yield* kvm_mmu_change_mmu_pages(kvm, kvm_mmu_calculate_default_mmu_pages(kvm));
  }
  if (slot === null) return;
  if (old !== null && logsDirtyPages(old.flags) && !logsDirtyPages(slot.flags)) {
    yield* kvm_mmu_zap_collapsible_sptes(kvm, slot);
  }
  if (isReadonly(slot) || logsDirtyPages(slot.flags)) {
    yield* kvm_mmu_slot_remove_write_access(kvm, slot);
  }
}

/** Write-protects all SPTEs of the slot, so that each first write is seen. */
function* kvm_mmu_slot_remove_write_access(kvm: Kvm, slot: Memslot): Task<void> {
  const writeProtect = (rmap: Rmap, index: number): boolean =>
    __rmap_write_protect(kvm, rmap, index, false);
  yield* spin_lock(kvm);
  const flush = yield* kvm.ops.slot_handle_all_level(kvm, slot, writeProtect, false);
  spin_unlock(kvm);
  if (flush) kvm_flush_remote_tlbs(kvm, "kvm_mmu_slot_remove_write_access");
}

/** Removes 4K SPTEs where a large page could be mapped now. */
function* kvm_mmu_zap_collapsible_sptes(kvm: Kvm, slot: Memslot): Task<void> {
  const zapCollapsible = (rmap: Rmap, index: number): boolean => {
    let zapped = false;
    for (const pointer of rmap.pointers(index)) {
      const { sp, index: entry } = kvm.sptep(pointer);
      const owner = kvm.host.ownerOf(spte_to_pfn(sp, entry));
      if (!sp.role.direct || owner === null || kvm.host.levelOf(owner) === 1) continue;
      drop_spte(kvm, sp, entry);
      zapped = true;
    }
    return zapped;
  };
  yield* spin_lock(kvm);
  yield* kvm.ops.slot_handle_leaf(kvm, slot, zapCollapsible, true);
  spin_unlock(kvm);
}
