import type { Kvm } from "../machine/kvm.ts";
import type { Task } from "../machine/thread.ts";
import { Vcpu } from "../machine/vcpu.ts";
import { kvm_mmu_unload } from "./roots.ts";

/** A VM's life beside its memory (virt/kvm/kvm_main.c, arch/x86/kvm/x86.c). */

/**
 * Adds a vCPU. @param cr3 guest physical address of its root table, or null: it runs without
 * paging.
 */
export function createVcpu(kvm: Kvm, cr3: number | null): Vcpu {
  const vcpu = new Vcpu(kvm, kvm.vcpus.length, cr3);
  kvm.vcpus.push(vcpu);
  return vcpu;
}

/** The last reference goes: memory is flushed, then every vCPU drops its roots. */
export function* kvm_destroy_vm(kvm: Kvm): Task<void> {
  yield* kvm.ops.kvm_arch_flush_shadow_all(kvm);
  for (const vcpu of kvm.vcpus) yield* kvm_mmu_unload(vcpu);
}
