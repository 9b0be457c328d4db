import type { Kvm } from "../machine/kvm.ts";
import type { Memslot } from "../machine/memslots.ts";
import type { Task } from "../machine/thread.ts";

/**
 * A slot is being deleted or moved: nothing may map its memory any more (arch/x86/kvm/mmu.c). It
 * does not matter which slot: everything goes. Changed by patch 11.
 */
export function* kvm_mmu_invalidate_zap_pages_in_memslot(kvm: Kvm, _slot: Memslot): Task<void> {
  yield* kvm.ops.kvm_mmu_invalidate_zap_all_pages(kvm);
}
