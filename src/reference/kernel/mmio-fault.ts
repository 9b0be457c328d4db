import { PAGE_SIZE } from "../machine/constants.ts";
import type { Task } from "../machine/thread.ts";
import type { Vcpu } from "../machine/vcpu.ts";
import { mmio_info_in_cache } from "./mmio-cache.ts";
import { get_mmio_spte_access, get_mmio_spte_gfn } from "./mmio-spte.ts";
import { walkToLeaf } from "./walk.ts";

/**
 * How a fault on a reserved entry was answered: from a cache, or not (then: afresh, or try again).
 */
export type MmioVerdict = "cache" | "spte" | "invalid" | "retry";

/**
 * A fault on an MMIO SPTE: answered by the per-vCPU cache, by the SPTE, or not
 * (arch/x86/kvm/mmu.c).
 */
export function* handle_mmio_page_fault(vcpu: Vcpu, address: number): Task<MmioVerdict> {
  const { kvm } = vcpu;
  const page = Math.floor(address / PAGE_SIZE);
  if (mmio_info_in_cache(vcpu, address)) {
    kvm.log?.push({ event: "cache.hit", vcpu: vcpu.id, gfn: vcpu.cache.gfn });
    return "cache";
  }
  const end = walkToLeaf(vcpu, page);
  if (end === null || !kvm.masks.is_mmio_spte(end.sp, end.index)) return "retry";
  const spte = end.sp.spt.raw(end.index);
  yield "spte.check";
  if (!kvm.ops.check_mmio_spte(vcpu, spte)) return "invalid";

  const gfn = get_mmio_spte_gfn(kvm, spte);
  const access = get_mmio_spte_access(kvm, spte);
  const addr = vcpu.direct_map ? 0 : address;
  kvm.log?.push({ event: "handle_mmio_page_fault", addr, gfn, access });
  yield* kvm.ops.vcpu_cache_mmio_info(vcpu, addr, gfn, access);
  return "spte";
}
