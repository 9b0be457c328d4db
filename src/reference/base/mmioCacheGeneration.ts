import type { Vcpu } from "../machine/vcpu.ts";

/**
 * Seam: the generation that the per-vCPU MMIO cache is stored with and compared to, inside
 * vcpu_cache_mmio_info and vcpu_match_mmio_gen (arch/x86/kvm/x86.h). Address space 0's, whatever
 * address space the vCPU is in: erratum E5.
 */
export function mmioCacheGeneration(vcpu: Vcpu): bigint {
  return vcpu.kvm.memslots[0]!.generation;
}
