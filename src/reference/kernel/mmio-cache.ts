import { PAGE_SIZE } from "../machine/constants.ts";
import type { Vcpu } from "../machine/vcpu.ts";

/**
 * Asking the per-vCPU MMIO cache (arch/x86/kvm/x86.h). Filling it is `vcpu_cache_mmio_info`, which
 * patches touch.
 */

const vcpu_match_mmio_gen = (vcpu: Vcpu): boolean =>
  vcpu.cache.generation === vcpu.kvm.ops.mmioCacheGeneration(vcpu);

/** Whether the cache answers for a guest virtual address; virtual page 0 never matches. */
export function vcpu_match_mmio_gva(vcpu: Vcpu, gva: number): boolean {
  const { cache } = vcpu;
  return cache.gva !== 0 && cache.gva === gva - (gva % PAGE_SIZE) && vcpu_match_mmio_gen(vcpu);
}

/** Whether the cache answers for a gfn; gfn 0 never matches. */
export function vcpu_match_mmio_gpa(vcpu: Vcpu, gfn: number): boolean {
  const { cache } = vcpu;
  return cache.gfn !== 0 && cache.gfn === gfn && vcpu_match_mmio_gen(vcpu);
}

/** Whether the cache answers for the address of a fault: a gpa with direct paging, else a gva. */
export const mmio_info_in_cache = (vcpu: Vcpu, address: number): boolean =>
  vcpu.direct_map
    ? vcpu_match_mmio_gpa(vcpu, Math.floor(address / PAGE_SIZE))
    : vcpu_match_mmio_gva(vcpu, address);

/** Forgets the cached address if it is this one, or any. */
export function vcpu_clear_mmio_info(vcpu: Vcpu, gva: number | "any"): void {
  if (gva !== "any" && vcpu.cache.gva !== gva - (gva % PAGE_SIZE)) return;
  vcpu.cache.gva = 0;
}
