import { PAGE_SHIFT } from "../machine/constants.ts";
import type { Kvm } from "../machine/kvm.ts";

/**
 * The parts of an MMIO SPTE that no patch moves (arch/x86/kvm/mmu.c). The generation is the layers'
 * affair.
 */

/**
 * An MMIO SPTE without its generation: value, access bits (write, user), and the gfn around the
 * L1TF bits.
 */
export function mmioSpteWithoutGeneration(kvm: Kvm, gfn: number, access: number): bigint {
  const {
    shadow_mmio_value,
    shadow_nonpresent_or_rsvd_mask: rsvd,
    shadow_nonpresent_or_rsvd_mask_len: length,
  } = kvm.masks;
  const gpa = BigInt(gfn) << BigInt(PAGE_SHIFT);
  return shadow_mmio_value | BigInt(access) | gpa | rsvd | ((gpa & rsvd) << length);
}

/** The gfn in an MMIO SPTE. */
export function get_mmio_spte_gfn(kvm: Kvm, spte: bigint): number {
  const {
    shadow_nonpresent_or_rsvd_mask: rsvd,
    shadow_nonpresent_or_rsvd_mask_len: length,
    shadow_nonpresent_or_rsvd_lower_gfn_mask: lower,
  } = kvm.masks;
  return Number(((spte & lower) | ((spte >> length) & rsvd)) >> BigInt(PAGE_SHIFT));
}

/** The access bits in an MMIO SPTE; those that the MMIO value itself occupies (EPT) are lost. */
export function get_mmio_spte_access(kvm: Kvm, spte: bigint): number {
  const generation = kvm.ops.generation_mmio_spte_mask(kvm, kvm.ops.MMIO_GEN_MASK(kvm));
  const others = generation | kvm.masks.shadow_mmio_mask;
  return Number(spte & ~others & ((1n << BigInt(PAGE_SHIFT)) - 1n));
}
