import { kvm_reload_remote_mmus } from "../kernel/flush.ts";
import { kvm_mmu_page_unlink_children, kvm_mmu_unlink_parents } from "../kernel/links.ts";
import { kvm_unlink_unsync_page, mmu_zap_unsync_children } from "../kernel/unsync.ts";
import { unaccount_shadowed } from "../kernel/write-tracking.ts";
import { pageState } from "../machine/events.ts";
import type { Kvm } from "../machine/kvm.ts";
import type { PageList } from "../machine/page-list.ts";
import type { ShadowPage } from "../machine/shadow-page.ts";

/**
 * Takes a shadow page out of use: zap unsync descendants, empty it, unlink it. Put on
 * `invalid_list` to be freed unless it is a root in use; then it goes to the head of the active
 * list and every vCPU reloads (mmu.c).
 * @returns how many pages went on the list, this one included. Changed by patch 25 (whether any
 * did).
 */
export function kvm_mmu_prepare_zap_page(kvm: Kvm, sp: ShadowPage, invalid_list: PageList): number {
  const trace = { event: "prepare_zap" as const, page: pageState(sp), returned: 0 };
  kvm.counters.prepares++;
  kvm.log?.push(trace);
  let zapped = mmu_zap_unsync_children(kvm, sp, invalid_list);
  kvm_mmu_page_unlink_children(kvm, sp);
  kvm_mmu_unlink_parents(sp);
  if (!sp.invalid && !sp.role.direct) unaccount_shadowed(kvm, sp);
  if (sp.unsync) kvm_unlink_unsync_page(kvm, sp);

  if (sp.root_count === 0) {
    zapped++;
    invalid_list.moveToHead(sp);
    kvm.n_used_mmu_pages--;
  } else {
    kvm.active_mmu_pages.moveToHead(sp);
    if (kvm.ops.zappedRootNeedsReload(kvm, sp)) kvm_reload_remote_mmus(kvm);
  }
  sp.invalid = true;
  trace.returned = zapped;
  return zapped;
}
