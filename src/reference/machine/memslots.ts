import {
  KVM_MEM_READONLY,
  KVM_MEMSLOT_INVALID,
  PAGE_SIZE,
  pagesAtLevel,
  PT_MAX_HUGEPAGE_LEVEL,
} from "./constants.ts";
import { Rmap } from "./rmap.ts";

/**
 * What a slot's copies share: reverse maps, write tracking, large page permissions
 * (kvm_arch_memory_slot).
 */
export class MemslotArch {
  /** One for each mapping level: 4K, 2M, 1G. */
  readonly rmap: readonly Rmap[] = [new Rmap(), new Rmap(), new Rmap()];
  /**
   * By gfn offset: shadowed guest page tables of level 2 and higher, whose writes are intercepted.
   */
  readonly gfn_track = new Map<number, number>();
  /**
   * By level and index: reasons against a large page that come and go (shadowed guest page tables).
   */
  readonly disallow_lpage = new Map<string, number>();
}

/**
 * A memory slot: struct kvm_memory_slot (linux/kvm_host.h). Never changed in place; an update makes
 * a copy.
 */
export interface Memslot {
  readonly id: number;
  readonly base_gfn: number;
  readonly npages: number;
  /** Host virtual address of the first byte. */
  readonly userspace_addr: number;
  /** KVM_MEM_* and KVM_MEMSLOT_INVALID. */
  readonly flags: number;
  /** Offsets (gfns) written since dirty logging began, or null when it is off. */
  readonly dirty_bitmap: Set<number> | null;
  readonly arch: MemslotArch;
}

/** A set of slots, published as a whole: struct kvm_memslots. */
export class Memslots {
  /** Unsigned 64-bit; changed in place once, at the end of an install. */
  generation: bigint;
  /** By ascending `base_gfn`; slots of one set do not overlap. */
  readonly slots: readonly Memslot[];

  constructor(generation: bigint, slots: readonly Memslot[]) {
    this.generation = generation;
    this.slots = slots;
  }

  /** The slot whose range covers `gfn`, also when it is INVALID: __gfn_to_memslot. */
  __gfn_to_memslot(gfn: number): Memslot | null {
    let low = 0;
    let high = this.slots.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const slot = this.slots[middle]!;
      if (gfn < slot.base_gfn) high = middle - 1;
      else if (gfn >= slot.base_gfn + slot.npages) low = middle + 1;
      else return slot;
    }
    return null;
  }

  /** The slot with that id, or null. */
  id_to_memslot(id: number): Memslot | null {
    return this.slots.find((slot) => slot.id === id) ?? null;
  }

  /**
   * The slots of this set with `slot` put in the place of the one with its id; null takes that one
   * out.
   */
  withSlot(id: number, slot: Memslot | null): Memslot[] {
    const others = this.slots.filter((other) => other.id !== id);
    if (slot === null) return others;
    const at = others.findIndex((other) => other.base_gfn > slot.base_gfn);
    others.splice(at < 0 ? others.length : at, 0, slot);
    return others;
  }
}

export const isReadonly = (slot: Memslot): boolean => (slot.flags & KVM_MEM_READONLY) !== 0;

/**
 * A slot through which memory can be reached; null for none and for one that is being deleted or
 * moved.
 */
export const visible = (slot: Memslot | null): Memslot | null =>
  slot === null || (slot.flags & KVM_MEMSLOT_INVALID) !== 0 ? null : slot;

/** Page number (hva / 4096) behind a gfn of the slot. */
export const hostPage = (slot: Memslot, gfn: number): number =>
  slot.userspace_addr / PAGE_SIZE + (gfn - slot.base_gfn);

/** Index of a gfn in the slot's arrays for a mapping level: gfn_to_index (linux/kvm_host.h). */
export function gfn_to_index(gfn: number, base_gfn: number, level: number): number {
  const size = pagesAtLevel(level);
  return Math.floor(gfn / size) - Math.floor(base_gfn / size);
}

/**
 * Whether a large page of `level` must not cover `gfn`: alignment of the slot, or a shadowed table
 * in it.
 */
export function __mmu_gfn_lpage_is_disallowed(gfn: number, level: number, slot: Memslot): boolean {
  const size = pagesAtLevel(level);
  const first = gfn - (gfn % size);
  const aligned = (slot.base_gfn - slot.userspace_addr / PAGE_SIZE) % size === 0;
  if (!aligned || first < slot.base_gfn || first + size > slot.base_gfn + slot.npages) return true;
  return (slot.arch.disallow_lpage.get(lpageKey(slot, gfn, level)) ?? 0) > 0;
}

/**
 * Counts a reason for or against large pages around `gfn`: update_gfn_disallow_lpage_count (mmu.c).
 */
export function update_gfn_disallow_lpage_count(slot: Memslot, gfn: number, count: 1 | -1): void {
  for (let level = 2; level <= PT_MAX_HUGEPAGE_LEVEL; level++) {
    const key = lpageKey(slot, gfn, level);
    slot.arch.disallow_lpage.set(key, (slot.arch.disallow_lpage.get(key) ?? 0) + count);
  }
}

const lpageKey = (slot: Memslot, gfn: number, level: number): string =>
  `${level}:${gfn_to_index(gfn, slot.base_gfn, level)}`;
