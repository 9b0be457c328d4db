import type { Kvm } from "../machine/kvm.ts";

/** The generation in an MMIO SPTE, bit 0 clear (arch/x86/kvm/mmu.c). Changed by patch 06. */
export function get_mmio_spte_generation(kvm: Kvm, spte: bigint): bigint {
  const field = spte & ~kvm.masks.shadow_mmio_mask;
  const low = (field >> 2n) & 0x3fen;
  const high = (field >> 52n) << 10n;
  return BigInt.asUintN(kvm.ops.MMIO_GEN_WIDTH, low | high);
}
