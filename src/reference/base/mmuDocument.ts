/**
 * Declared fact: what the MMU document (Documentation/virtual/kvm/mmu.txt) says about the matter,
 * by topic. Changed by patch 12 (the first two go).
 */
export type MmuDocumentTopic = "zap-all-by-generation" | "mmu_valid_gen" | "mmio-generation";

export const mmuDocument: readonly MmuDocumentTopic[] = [
  "zap-all-by-generation",
  "mmu_valid_gen",
  "mmio-generation",
];
