import { PT_PAGE_TABLE_LEVEL } from "../machine/constants.ts";
import type { Kvm } from "../machine/kvm.ts";
import type { Memslot } from "../machine/memslots.ts";
import type { Task } from "../machine/thread.ts";
import type { SlotLevelHandler } from "./slot_handle_level_range.ts";

/** `slot_handle_level` for the level of 4K pages (arch/x86/kvm/mmu.c). Moved by patch 09. */
export function* slot_handle_leaf(
  kvm: Kvm,
  memslot: Memslot,
  handler: SlotLevelHandler,
  lock_flush_tlb: boolean,
): Task<boolean> {
  return yield* kvm.ops.slot_handle_level(
    kvm,
    memslot,
    handler,
    PT_PAGE_TABLE_LEVEL,
    PT_PAGE_TABLE_LEVEL,
    lock_flush_tlb,
  );
}
