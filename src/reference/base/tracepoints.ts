/** Tracepoints of the MMU and their fields, in the order of their declarations. */
export type Tracepoints = Readonly<Record<string, readonly string[]>>;

const page = ["mmu_valid_gen", "gfn", "role", "root_count", "unsync"] as const;

/**
 * Declared fact: the tracepoints of system `kvmmmu` that concern the series
 * (arch/x86/kvm/mmutrace.h). Changed by patch 19 (one less), 20 (`mmu_valid_gen` gone).
 */
export const tracepoints: Tracepoints = {
  kvm_mmu_get_page: [...page, "created"],
  kvm_mmu_sync_page: page,
  kvm_mmu_unsync_page: page,
  kvm_mmu_prepare_zap_page: page,
  mark_mmio_spte: ["sptep", "gfn", "access", "gen"],
  handle_mmio_page_fault: ["addr", "gfn", "access"],
  kvm_mmu_invalidate_zap_all_pages: ["mmu_valid_gen", "mmu_used_pages"],
  check_mmio_spte: ["kvm_gen", "spte_gen", "spte"],
};
