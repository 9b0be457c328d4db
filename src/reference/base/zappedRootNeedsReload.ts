import type { Kvm } from "../machine/kvm.ts";
import type { ShadowPage } from "../machine/shadow-page.ts";

/**
 * Seam: whether vCPUs must be told to let go of a root that is zapped while in use, a condition
 * inside kvm_mmu_prepare_zap_page (arch/x86/kvm/mmu.c). Not for an obsolete one: the fast
 * invalidate has told them. Changed by patch 15.
 */
export function zappedRootNeedsReload(kvm: Kvm, sp: ShadowPage): boolean {
  return !sp.invalid && !kvm.ops.is_obsolete_sp(kvm, sp);
}
