import type { Kvm } from "../machine/kvm.ts";

/**
 * Whether a fast invalidate has zapped pages that it has not freed yet (mmu.c). Gone with patch 16.
 */
export function kvm_has_zapped_obsolete_pages(kvm: Kvm): boolean {
  return !kvm.zapped_obsolete_pages.isEmpty;
}
