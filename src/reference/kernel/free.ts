import { pageState } from "../machine/events.ts";
import { KernelBug } from "../machine/failures.ts";
import type { Kvm } from "../machine/kvm.ts";
import type { PageList } from "../machine/page-list.ts";
import type { ShadowPage } from "../machine/shadow-page.ts";
import { kvm_flush_remote_tlbs } from "./flush.ts";

/**
 * Frees prepared pages: flush all TLBs, which also waits for lockless walkers, then free
 * (arch/x86/kvm/mmu.c). Nothing to do for an empty list.
 */
export function kvm_mmu_commit_zap_page(kvm: Kvm, invalid_list: PageList): void {
  if (invalid_list.isEmpty) return;
  kvm.counters.commits++;
  kvm.log?.push({ event: "commit", pages: invalid_list.length });
  kvm_flush_remote_tlbs(kvm, "kvm_mmu_commit_zap_page");
  for (const sp of invalid_list.newestFirst()) {
    if (!sp.invalid || sp.root_count > 0) {
      throw new KernelBug(`shadow page ${sp.id} is freed while it is in use`);
    }
    kvm_mmu_free_page(kvm, sp);
  }
}

function kvm_mmu_free_page(kvm: Kvm, sp: ShadowPage): void {
  kvm.mmu_page_hash.remove(sp);
  sp.link.list?.remove(sp);
  kvm.unregisterPage(sp);
  kvm.log?.push({ event: "free", page: pageState(sp) });
}
