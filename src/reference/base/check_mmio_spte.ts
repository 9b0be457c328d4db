import type { Vcpu } from "../machine/vcpu.ts";

/**
 * Whether an MMIO SPTE is as fresh as the memslots: its generation equals the published one. While
 * an update is in flux bit 0 is set on one side only, so it never is (arch/x86/kvm/mmu.c). Changed
 * by patch 06.
 */
export function check_mmio_spte(vcpu: Vcpu, spte: bigint): boolean {
  const { ops } = vcpu.kvm;
  return compareGenerations(
    vcpu,
    spte,
    ops.kvm_current_mmio_generation(vcpu),
    ops.get_mmio_spte_generation(vcpu.kvm, spte),
  );
}

/** The comparison, with its trace event. */
export function compareGenerations(
  vcpu: Vcpu,
  raw: bigint,
  kvm_gen: bigint,
  spte_gen: bigint,
): boolean {
  const valid = kvm_gen === spte_gen;
  vcpu.kvm.log?.push({ event: "check_mmio_spte", raw, kvm_gen, spte_gen, valid });
  return valid;
}
