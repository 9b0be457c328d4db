import type { Kvm } from "../machine/kvm.ts";
import type { ShadowPage } from "../machine/shadow-page.ts";

/**
 * The shadow pages of a gfn that may be used, newest first: neither obsolete nor invalid when their
 * turn comes. The others stay in the hash until they are freed (arch/x86/kvm/mmu.c). Changed by
 * patch 24 (nothing is obsolete).
 */
export function* for_each_valid_sp(kvm: Kvm, gfn: number): Iterable<ShadowPage> {
  for (const sp of kvm.mmu_page_hash.of(gfn)) {
    if (!kvm.ops.is_obsolete_sp(kvm, sp) && !sp.invalid) yield sp;
  }
}
