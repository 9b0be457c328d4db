import { kvm_flush_remote_tlbs } from "../kernel/flush.ts";
import type { Kvm } from "../machine/kvm.ts";
import { gfn_to_index, type Memslot } from "../machine/memslots.ts";
import { cond_resched_lock, need_resched_or_break } from "../machine/mmu-lock.ts";
import type { Rmap } from "../machine/rmap.ts";
import type { Task } from "../machine/thread.ts";

/** Does something to the SPTEs of one rmap entry. @returns whether a TLB flush is owed for it. */
export type SlotLevelHandler = (rmap: Rmap, index: number) => boolean;

/** A range of a slot: mapping levels and gfns, all inclusive. */
export interface SlotRange {
  readonly start_level: number;
  readonly end_level: number;
  readonly start_gfn: number;
  readonly end_gfn: number;
}

/**
 * Applies a handler to every rmap entry of a range, level by level; may drop the lock after each.
 * With `lock_flush_tlb` nothing is owed when the lock is dropped or on return (arch/x86/kvm/mmu.c).
 * Moved by patch 09.
 * @returns whether a flush is owed.
 */
export function* slot_handle_level_range(
  kvm: Kvm,
  memslot: Memslot,
  handler: SlotLevelHandler,
  range: SlotRange,
  lock_flush_tlb: boolean,
): Task<boolean> {
  let flush = false;
  const flushNow = (): void => {
    if (!flush || !lock_flush_tlb) return;
    kvm_flush_remote_tlbs(kvm, "slot_handle_level_range");
    flush = false;
  };
  for (let level = range.start_level; level <= range.end_level; level++) {
    const rmap = memslot.arch.rmap[level - 1]!;
    const last = gfn_to_index(range.end_gfn, memslot.base_gfn, level);
    for (let i = gfn_to_index(range.start_gfn, memslot.base_gfn, level); i <= last; i++) {
      if (handler(rmap, i)) flush = true;
      if (!need_resched_or_break(kvm)) continue;
      flushNow();
      yield* cond_resched_lock(kvm);
    }
  }
  flushNow();
  return flush;
}
