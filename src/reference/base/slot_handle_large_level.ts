import { PT_DIRECTORY_LEVEL, PT_MAX_HUGEPAGE_LEVEL } from "../machine/constants.ts";
import type { Kvm } from "../machine/kvm.ts";
import type { Memslot } from "../machine/memslots.ts";
import type { Task } from "../machine/thread.ts";
import type { SlotLevelHandler } from "./slot_handle_level_range.ts";

/** `slot_handle_level` for the levels of large pages (arch/x86/kvm/mmu.c). Moved by patch 09. */
export function* slot_handle_large_level(
  kvm: Kvm,
  memslot: Memslot,
  handler: SlotLevelHandler,
  lock_flush_tlb: boolean,
): Task<boolean> {
  return yield* kvm.ops.slot_handle_level(
    kvm,
    memslot,
    handler,
    PT_DIRECTORY_LEVEL,
    PT_MAX_HUGEPAGE_LEVEL,
    lock_flush_tlb,
  );
}
