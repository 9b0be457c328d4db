import { kvm_vcpu_memslots, type Vcpu } from "../machine/vcpu.ts";

/**
 * The published generation of the vCPU's address space, as far as it counts for MMIO SPTEs. Gone
 * with patch 06.
 */
export function kvm_current_mmio_generation(vcpu: Vcpu): bigint {
  const { ops } = vcpu.kvm;
  const { generation } = kvm_vcpu_memslots(vcpu);
  return BigInt.asUintN(ops.MMIO_GEN_WIDTH, generation & ops.MMIO_GEN_MASK(vcpu.kvm));
}
