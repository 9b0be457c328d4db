import {
  KVM_MEM_READONLY,
  KVM_MEMSLOT_INVALID,
  PAGE_SIZE,
  pagesAtLevel,
  PT_MAX_HUGEPAGE_LEVEL,
} from "./constants.ts";
import { KernelBug } from "./failures.ts";
import { checkIndex, Rmap, SIZES } from "./rmap.ts";

/** Where a slot lies in guest and host memory: what its arrays are made for. */
export type SlotPlace = Pick<Memslot, "base_gfn" | "npages" | "userspace_addr">;

/**
 * What a slot's copies share: reverse maps, write tracking, large page permissions
 * (kvm_arch_memory_slot). All are arrays by index, made for one place: kvm_arch_create_memslot.
 */
export class MemslotArch {
  /** Where the slot was when the arrays were made. */
  readonly madeFor: SlotPlace;
  /** One for each mapping level: 4K, 2M, 1G. */
  readonly rmap: readonly Rmap[];
  /** One for each level of large pages: 2M, 1G. */
  readonly lpage_info: readonly LpageInfo[];
  /**
   * By gfn offset: shadowed guest page tables of level 2 and higher, whose writes are intercepted.
   */
  readonly gfn_track = new Map<number, number>();

  constructor(place: SlotPlace) {
    const { base_gfn, npages, userspace_addr } = place;
    this.madeFor = { base_gfn, npages, userspace_addr };
    this.rmap = [1, 2, 3].map((level) => new Rmap(level, entriesAt(place, level)));
    this.lpage_info = [2, 3].map((level) => new LpageInfo(place, level));
  }

  lpage(level: number): LpageInfo {
    return this.lpage_info[level - 2]!;
  }
}

/** How many regions of a mapping level a slot touches: the length of its arrays. */
const entriesAt = ({ base_gfn, npages }: SlotPlace, level: number): number =>
  gfn_to_index(base_gfn + npages - 1, base_gfn, level) + 1;

/** By index, the reasons against a large page of one level: kvm_lpage_info. */
export class LpageInfo {
  readonly level: number;
  readonly length: number;
  /** Reasons of the place: guest and host memory differ in their alignment; an end is in between. */
  readonly #everywhere: boolean;
  readonly #atStart: boolean;
  readonly #atEnd: boolean;
  /** Reasons that come and go: shadowed guest page tables. */
  readonly #counts = new Map<number, number>();

  constructor(place: SlotPlace, level: number) {
    const { base_gfn, npages, userspace_addr } = place;
    const size = pagesAtLevel(level);
    this.level = level;
    this.length = entriesAt(place, level);
    this.#everywhere = (base_gfn - userspace_addr / PAGE_SIZE) % size !== 0;
    this.#atStart = base_gfn % size !== 0;
    this.#atEnd = (base_gfn + npages) % size !== 0;
  }

  /** @throws KernelBug when the index lies beyond the array. */
  isDisallowed(index: number): boolean {
    checkIndex("lpage_info", this, index);
    return this.#isByPlace(index) || (this.#counts.get(index) ?? 0) > 0;
  }

  /** @throws KernelBug when the index lies beyond the array. */
  count(index: number, by: 1 | -1): void {
    checkIndex("lpage_info", this, index);
    this.#counts.set(index, (this.#counts.get(index) ?? 0) + by);
  }

  /**
   * Whether it can serve in the place of another one: it is as long, and permits no large page that
   * the other forbids.
   */
  canServeAs(other: LpageInfo): boolean {
    const permits = (info: LpageInfo, index: number): boolean => !info.#isByPlace(index);
    // In between the ends all entries are alike.
    const compared = [0, 1, other.length - 1].filter((index) => index < other.length);
    return (
      this.length >= other.length &&
      compared.every((index) => permits(other, index) || !permits(this, index))
    );
  }

  #isByPlace(index: number): boolean {
    const atStart = this.#atStart && index === 0;
    return this.#everywhere || atStart || (this.#atEnd && index === this.length - 1);
  }
}

/**
 * Whether the arrays of a slot that was made at one place are sound at another one: no index lies
 * beyond them, and no large page is permitted that cannot be there.
 */
export function arraysCanServe(madeFor: SlotPlace, place: SlotPlace): boolean {
  return [2, 3].every((level) =>
    new LpageInfo(madeFor, level).canServeAs(new LpageInfo(place, level)),
  );
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
 * Whether a large page of `level` must not cover `gfn`: alignment of the slot as it was made, or a
 * shadowed table in it. @throws KernelBug when the slot has moved, and has no entry for the gfn.
 */
export function __mmu_gfn_lpage_is_disallowed(gfn: number, level: number, slot: Memslot): boolean {
  return slot.arch.lpage(level).isDisallowed(gfn_to_index(gfn, slot.base_gfn, level));
}

/**
 * Checks that a large page of a level above 1 can be where the slot permits it. A slot that has
 * moved may permit what its old place did: the guest would reach memory that is not the slot's.
 * @throws KernelBug
 */
export function checkLargePage(slot: Memslot, gfn: number, level: number): void {
  if (slot.base_gfn === slot.arch.madeFor.base_gfn) return;
  const index = gfn_to_index(gfn, slot.base_gfn, level);
  if (!new LpageInfo(slot, level).isDisallowed(index)) return;
  const page = `a page of ${SIZES[level - 1]!} around gfn 0x${gfn.toString(16)}`;
  throw new KernelBug(`${page} leads beyond its slot, which may have had one before it moved`);
}

/**
 * Counts a reason for or against large pages around `gfn`: update_gfn_disallow_lpage_count (mmu.c).
 */
export function update_gfn_disallow_lpage_count(slot: Memslot, gfn: number, count: 1 | -1): void {
  for (let level = 2; level <= PT_MAX_HUGEPAGE_LEVEL; level++) {
    slot.arch.lpage(level).count(gfn_to_index(gfn, slot.base_gfn, level), count);
  }
}
