import type { FlushReason } from "../machine/events.ts";
import type { Kvm } from "../machine/kvm.ts";
import type { Vcpu } from "../machine/vcpu.ts";

/**
 * Flushes the TLBs of all vCPUs and returns when none can use an old translation any more
 * (virt/kvm/kvm_main.c). A guest access (translate, then read or write) is one step of the model,
 * so there is never a vCPU between the two to wait for: every order that the kernel's waiting
 * allows is an order of these steps.
 */
export function kvm_flush_remote_tlbs(kvm: Kvm, reason: FlushReason): void {
  kvm.tlbs_dirty = false;
  kvm.unflushed = false;
  kvm.counters.remote_flushes++;
  kvm.log?.push({ event: "remote_flush", reason });
  for (const vcpu of kvm.vcpus) vcpu.tlb.flush();
}

/**
 * Asks this vCPU to flush its own TLB before it next enters the guest:
 * kvm_make_request(KVM_REQ_TLB_FLUSH).
 */
export function requestLocalFlush(vcpu: Vcpu): void {
  vcpu.kvm.counters.local_flushes++;
  vcpu.kvm.log?.push({ event: "local_flush", vcpu: vcpu.id });
  vcpu.requests.add("TLB_FLUSH");
}

/**
 * Asks every vCPU to drop its root and load a new one before it next enters the guest
 * (virt/kvm/kvm_main.c).
 */
export function kvm_reload_remote_mmus(kvm: Kvm): void {
  kvm.counters.reloads++;
  kvm.log?.push({ event: "reload" });
  for (const vcpu of kvm.vcpus) vcpu.requests.add("MMU_RELOAD");
}
