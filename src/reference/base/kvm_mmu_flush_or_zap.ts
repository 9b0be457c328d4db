import { kvm_flush_remote_tlbs, requestLocalFlush } from "../kernel/flush.ts";
import { kvm_mmu_commit_zap_page } from "../kernel/free.ts";
import type { PageList } from "../machine/page-list.ts";
import type { Vcpu } from "../machine/vcpu.ts";

/**
 * Ends a change of shadow pages, by the first that applies: pages to free (that flushes remotely),
 * a remote flush, a local one (arch/x86/kvm/mmu.c). Changed by patch 10 (split).
 */
export function kvm_mmu_flush_or_zap(
  vcpu: Vcpu,
  invalid_list: PageList,
  remote_flush: boolean,
  local_flush: boolean,
): void {
  if (!invalid_list.isEmpty) kvm_mmu_commit_zap_page(vcpu.kvm, invalid_list);
  else if (remote_flush) kvm_flush_remote_tlbs(vcpu.kvm, "kvm_mmu_flush_or_zap");
  else if (local_flush) requestLocalFlush(vcpu);
}
