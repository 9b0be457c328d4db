import type { Kvm } from "../machine/kvm.ts";
import type { Task } from "../machine/thread.ts";

/**
 * The memory behind the VM is going away: no shadow page may stay in use (arch/x86/kvm/x86.c).
 * Called when the owner's address space goes away and again at the last reference. Changed by patch
 * 21 (kvm_mmu_zap_all).
 */
export function* kvm_arch_flush_shadow_all(kvm: Kvm): Task<void> {
  yield* kvm.ops.kvm_mmu_invalidate_zap_all_pages(kvm);
}
