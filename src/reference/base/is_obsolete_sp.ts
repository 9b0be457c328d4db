import type { Kvm } from "../machine/kvm.ts";
import type { ShadowPage } from "../machine/shadow-page.ts";

/**
 * Whether a fast invalidate has run since the page was made (arch/x86/kvm/mmu.c). Gone with patch
 * 24.
 */
export function is_obsolete_sp(kvm: Kvm, sp: ShadowPage): boolean {
  return sp.mmu_valid_gen !== kvm.mmu_valid_gen;
}
