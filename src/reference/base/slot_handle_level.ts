import type { Kvm } from "../machine/kvm.ts";
import type { Memslot } from "../machine/memslots.ts";
import type { Task } from "../machine/thread.ts";
import type { SlotLevelHandler } from "./slot_handle_level_range.ts";

/** `slot_handle_level_range` for all gfns of a slot (arch/x86/kvm/mmu.c). Moved by patch 09. */
export function* slot_handle_level(
  kvm: Kvm,
  memslot: Memslot,
  handler: SlotLevelHandler,
  start_level: number,
  end_level: number,
  lock_flush_tlb: boolean,
): Task<boolean> {
  const start_gfn = memslot.base_gfn;
  const end_gfn = start_gfn + memslot.npages - 1;
  const range = { start_level, end_level, start_gfn, end_gfn };
  return yield* kvm.ops.slot_handle_level_range(kvm, memslot, handler, range, lock_flush_tlb);
}
