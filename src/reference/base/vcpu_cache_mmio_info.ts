import { PAGE_SIZE } from "../machine/constants.ts";
import type { Task } from "../machine/thread.ts";
import type { Vcpu } from "../machine/vcpu.ts";

/**
 * Remembers the last MMIO access of a vCPU, so that the next one to the same page is answered at
 * once, as long as the memslots do not change (arch/x86/kvm/x86.h). Changed by patch 03: not while
 * memslots are in flux.
 * @param gva guest virtual address in bytes, 0 with direct paging; @param access ACC_* bits.
 */
export function* vcpu_cache_mmio_info(
  vcpu: Vcpu,
  gva: number,
  gfn: number,
  access: number,
): Task<void> {
  yield "cache.fill";
  fillCache(vcpu, gva, gfn, access, vcpu.kvm.ops.mmioCacheGeneration(vcpu));
}

/** Stores an entry with the generation that it is good for. */
export function fillCache(
  vcpu: Vcpu,
  gva: number,
  gfn: number,
  access: number,
  generation: bigint,
): void {
  const page = gva - (gva % PAGE_SIZE);
  Object.assign(vcpu.cache, { gva: page, gfn, access, generation });
  vcpu.kvm.log?.push({ event: "cache.fill", vcpu: vcpu.id, gva: page, gfn, generation });
}
