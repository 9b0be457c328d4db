import { kvm_reload_remote_mmus } from "../kernel/flush.ts";
import type { Kvm } from "../machine/kvm.ts";
import { spin_lock, spin_unlock } from "../machine/mmu-lock.ts";
import type { Task } from "../machine/thread.ts";

/**
 * The fast invalidate: one increment makes every page obsolete, every vCPU takes a new root, and
 * the old pages are zapped at leisure (arch/x86/kvm/mmu.c). Changed by patch 17 (no reload of its
 * own), 19 (not traced); gone with 24.
 */
export function* kvm_mmu_invalidate_zap_all_pages(kvm: Kvm): Task<void> {
  yield* spin_lock(kvm);
  kvm.ops.traceInvalidateZapAllPages(kvm);
  kvm.mmu_valid_gen++;
  kvm_reload_remote_mmus(kvm);
  yield* kvm.ops.kvm_zap_obsolete_pages(kvm);
  spin_unlock(kvm);
}
