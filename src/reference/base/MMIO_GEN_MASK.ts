import type { Kvm } from "../machine/kvm.ts";
import { bits } from "../machine/u64.ts";

/**
 * The bits of a memslot generation that count for MMIO SPTEs: 0-19, of which bit 0 is never stored
 * (arch/x86/kvm/mmu.c; narrower on a machine with a narrow field).
 * Changed by patch 06 (MMIO_SPTE_GEN_MASK, bits 1-19), 08 (bits 0-18).
 */
export const MMIO_GEN_MASK = (kvm: Kvm): bigint => bits(kvm.machine.mmioGenerationBits, 0);
