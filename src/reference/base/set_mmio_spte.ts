import type { Leaf } from "../kernel/map.ts";
import { KVM_PFN_NOSLOT } from "../kernel/slots.ts";
import type { ShadowPage } from "../machine/shadow-page.ts";
import type { Vcpu } from "../machine/vcpu.ts";

/**
 * Marks the entry if no slot holds the gfn (arch/x86/kvm/mmu.c).
 * @returns whether that is so: the access is to be emulated.
 */
export function set_mmio_spte(vcpu: Vcpu, sp: ShadowPage, index: number, leaf: Leaf): boolean {
  if (leaf.pfn !== KVM_PFN_NOSLOT) return false;
  vcpu.kvm.ops.mark_mmio_spte(vcpu, sp, index, leaf.gfn, leaf.access);
  return true;
}
