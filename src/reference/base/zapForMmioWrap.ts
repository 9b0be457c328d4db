import type { Kvm } from "../machine/kvm.ts";
import type { Task } from "../machine/thread.ts";

/**
 * Seam: what a wrap of the MMIO generation drops, a call inside kvm_mmu_invalidate_mmio_sptes
 * (arch/x86/kvm/mmu.c). Every shadow page. Changed by patch 13 (those that hold MMIO SPTEs).
 */
export function* zapForMmioWrap(kvm: Kvm): Task<void> {
  yield* kvm.ops.kvm_mmu_invalidate_zap_all_pages(kvm);
}
