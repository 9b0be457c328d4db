import type { Event } from "../../reference/machine/events.ts";
import type { Operations } from "../../reference/operations.ts";

const hex = (value: bigint | number): string => value.toString(16);

/**
 * An event of the model in the words of a kernel's trace, as `recording.ts` reads it; null for what
 * has no line.
 */
export function render(event: Event, { KVM_MMU_PAGE_PRINTK: printed }: Operations): string | null {
  switch (event.event) {
    case "get_page":
      return `kvm_mmu_get_page: ${printed(event.page)} ${event.created ? "new" : "existing"}`;
    case "prepare_zap":
      return `kvm_mmu_prepare_zap_page: ${printed(event.page)}`;
    case "sync_page":
      return `kvm_mmu_sync_page: ${printed(event.page)}`;
    case "unsync_page":
      return `kvm_mmu_unsync_page: ${printed(event.page)}`;
    case "mark_mmio_spte":
      return `mark_mmio_spte: gfn ${hex(event.gfn)} access ${hex(event.access)} gen ${hex(event.generation)}`;
    case "check_mmio_spte":
      return (
        `check_mmio_spte: spte ${hex(event.raw)} kvm_gen ${hex(event.kvm_gen)} ` +
        `spte-gen ${hex(event.spte_gen)} valid ${event.valid ? 1 : 0}`
      );
    case "handle_mmio_page_fault":
      return `handle_mmio_page_fault: addr:${hex(event.addr)} gfn ${hex(event.gfn)} access ${hex(event.access)}`;
    case "invalidate_zap_all_pages":
      return (
        `kvm_mmu_invalidate_zap_all_pages: kvm-mmu-valid-gen ${hex(event.mmu_valid_gen)} ` +
        `used_pages ${hex(event.used_pages)}`
      );
    case "memslots.arch-updated": {
      const seen = event.published.map((generation, as) => `as${as}=${hex(generation)}`);
      return `kvm_arch_memslots_updated: newgen=${hex(event.generation)} ${seen.join(" ")}`;
    }
    case "remote_flush":
      return "kvm_flush_remote_tlbs";
    case "reload":
      return "kvm_reload_remote_mmus";
    case "commit":
      return "kvm_mmu_commit_zap_page";
    case "free":
      return "kvm_mmu_free_page";
    case "lock_break":
      return "lock dropped";
    default:
      return null;
  }
}
