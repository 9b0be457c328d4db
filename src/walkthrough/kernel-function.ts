import type { WireEvent } from "../adapters/record.ts";

/**
 * The kernel function (or request, or tracepoint of one) that an event stands for.
 */
export function kernelFunction(event: WireEvent): string {
  if (event.event === "walk_restart") return String(event["walk"]);
  if (event.event === "warn") return String(event["where"]);
  return FUNCTIONS[event.event] ?? event.event;
}

const FUNCTIONS: Readonly<Record<string, string>> = {
  "memslots.published": "install_new_memslots",
  "memslots.synchronized": "synchronize_srcu",
  "memslots.generation": "install_new_memslots",
  "memslots.arch-updated": "kvm_arch_memslots_updated",
  "cache.fill": "vcpu_cache_mmio_info",
  "cache.hit": "mmio_info_in_cache",
  page_fault: "kvm_mmu_page_fault",
  get_page: "kvm_mmu_get_page",
  unsync_page: "kvm_unsync_page",
  sync_page: "kvm_unlink_unsync_page",
  prepare_zap: "kvm_mmu_prepare_zap_page",
  commit: "kvm_mmu_commit_zap_page",
  free: "kvm_mmu_free_page",
  remote_flush: "kvm_flush_remote_tlbs",
  local_flush: "KVM_REQ_TLB_FLUSH",
  reload: "kvm_reload_remote_mmus",
  lock_break: "cond_resched_lock",
  invalidate_zap_all_pages: "kvm_mmu_invalidate_zap_all_pages",
};
