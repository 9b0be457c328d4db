import type { Kvm } from "../machine/kvm.ts";
import type { Task } from "../machine/thread.ts";

/**
 * Called when memslots have changed. If the generation has come round, an MMIO SPTE of long ago
 * would look fresh, so all go (arch/x86/kvm/mmu.c). In the kernel's base it is handed the set and
 * reads the generation itself. Changed by patch 02 (sees a wrap in any address space), 08
 * (generation without flag).
 */
export function* kvm_mmu_invalidate_mmio_sptes(kvm: Kvm, generation: bigint): Task<void> {
  if ((generation & kvm.ops.MMIO_GEN_MASK(kvm)) === 0n) yield* kvm.ops.zapForMmioWrap(kvm);
}
