import type { Kvm } from "../machine/kvm.ts";

/**
 * The line of kvm_mmu_invalidate_zap_all_pages that fires its tracepoint
 * (arch/x86/kvm/mmutrace.h). Empty from patch 19 on.
 */
export function traceInvalidateZapAllPages(kvm: Kvm): void {
  kvm.log?.push({
    event: "invalidate_zap_all_pages",
    mmu_valid_gen: kvm.mmu_valid_gen,
    used_pages: kvm.n_used_mmu_pages,
  });
}
