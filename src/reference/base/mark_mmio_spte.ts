import { mmioSpteWithoutGeneration } from "../kernel/mmio-spte.ts";
import { ACC_USER_MASK, ACC_WRITE_MASK } from "../machine/constants.ts";
import type { ShadowPage } from "../machine/shadow-page.ts";
import type { Vcpu } from "../machine/vcpu.ts";

/**
 * Makes an entry say "no memory here, as of this generation" (arch/x86/kvm/mmu.c).
 * Changed by patch 06 (reads the generation itself), 13 (notes it in the shadow page).
 */
export function mark_mmio_spte(
  vcpu: Vcpu,
  sp: ShadowPage,
  index: number,
  gfn: number,
  access: number,
): void {
  setMmioSpte(vcpu, sp, index, gfn, access, vcpu.kvm.ops.kvm_current_mmio_generation(vcpu));
}

/** Writes an MMIO SPTE with the given generation. */
export function setMmioSpte(
  vcpu: Vcpu,
  sp: ShadowPage,
  index: number,
  gfn: number,
  access: number,
  generation: bigint,
): void {
  const { kvm } = vcpu;
  const kept = access & (ACC_WRITE_MASK | ACC_USER_MASK);
  const raw =
    mmioSpteWithoutGeneration(kvm, gfn, kept) | kvm.ops.generation_mmio_spte_mask(kvm, generation);
  kvm.log?.push({ event: "mark_mmio_spte", gfn, access: kept, generation, raw });
  sp.spt.setRaw(index, raw);
}
