import { warn } from "../machine/events.ts";
import type { Kvm } from "../machine/kvm.ts";

/**
 * A generation as it stands in an MMIO SPTE: bits 1-9 in SPTE bits 3-11, bits 10-19 in SPTE bits
 * 52-61 (arch/x86/kvm/mmu.c). Changed by patch 06.
 */
export function generation_mmio_spte_mask(kvm: Kvm, generation: bigint): bigint {
  const passed = BigInt.asUintN(kvm.ops.MMIO_GEN_WIDTH, generation);
  if (passed & ~kvm.ops.MMIO_GEN_MASK(kvm)) warn(kvm, "generation_mmio_spte_mask");
  const low = (passed & 0x3fen) << 2n;
  const high = (passed >> 10n) << 52n;
  return BigInt.asUintN(64, low | high);
}
