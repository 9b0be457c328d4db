import { pageState } from "../machine/events.ts";
import type { Kvm } from "../machine/kvm.ts";
import { PageList } from "../machine/page-list.ts";
import { type Role, sameRole, ShadowPage } from "../machine/shadow-page.ts";
import type { Vcpu } from "../machine/vcpu.ts";
import { kvm_flush_remote_tlbs, requestLocalFlush } from "./flush.ts";
import { sync_page } from "./sync-page.ts";
import { kvm_unlink_unsync_page } from "./unsync.ts";
import { account_shadowed, indirectValidPages, rmap_write_protect } from "./write-tracking.ts";

/**
 * The shadow page of a gfn and role: a valid one that exists, or a new one (arch/x86/kvm/mmu.c). A
 * new page of a guest page table write-protects it; a new one above level 1 also brings unsync
 * pages of that table into step.
 */
export function kvm_mmu_get_page(vcpu: Vcpu, gfn: number, role: Role): ShadowPage {
  const { kvm } = vcpu;
  const invalid_list = new PageList();
  let unsyncSeen = false;
  for (const sp of kvm.ops.for_each_valid_sp(kvm, gfn)) {
    if (sp.unsync) unsyncSeen = true;
    if (!sameRole(sp.role, role)) continue;
    if (sp.unsync) {
      if (!__kvm_sync_page(vcpu, sp, invalid_list)) break;
      requestLocalFlush(vcpu);
    }
    if (sp.unsync_children > 0) vcpu.requests.add("MMU_SYNC");
    sp.write_flooding_count = 0;
    kvm.log?.push({ event: "get_page", page: pageState(sp), created: false });
    return sp;
  }

  const sp = kvm_mmu_alloc_page(kvm, gfn, role);
  let flush = false;
  if (!role.direct) {
    account_shadowed(kvm, sp);
    if (role.level === 1 && rmap_write_protect(vcpu, gfn))
      kvm_flush_remote_tlbs(kvm, "kvm_mmu_get_page");
    if (role.level > 1 && unsyncSeen) flush = kvm_sync_pages(vcpu, gfn, invalid_list);
  }
  kvm.log?.push({ event: "get_page", page: pageState(sp), created: true });
  kvm.ops.kvm_mmu_flush_or_zap(vcpu, invalid_list, false, flush);
  return sp;
}

function kvm_mmu_alloc_page(kvm: Kvm, gfn: number, role: Role): ShadowPage {
  const sp = new ShadowPage(kvm.counters.pages_allocated + 1, gfn, role, kvm.mmu_valid_gen);
  kvm.registerPage(sp);
  kvm.active_mmu_pages.moveToHead(sp);
  kvm.mmu_page_hash.add(sp);
  kvm.n_used_mmu_pages++;
  return sp;
}

/**
 * Brings a page into step with its table; one with nothing left in it is prepared for freeing
 * instead.
 */
export function __kvm_sync_page(vcpu: Vcpu, sp: ShadowPage, invalid_list: PageList): boolean {
  if (vcpu.pagingShadowed && sync_page(vcpu, sp) > 0) return true;
  vcpu.kvm.ops.kvm_mmu_prepare_zap_page(vcpu.kvm, sp, invalid_list);
  return false;
}

/** As `__kvm_sync_page`, and the page counts as unsync no longer. */
export function kvm_sync_page(vcpu: Vcpu, sp: ShadowPage, invalid_list: PageList): boolean {
  kvm_unlink_unsync_page(vcpu.kvm, sp);
  return __kvm_sync_page(vcpu, sp, invalid_list);
}

/**
 * Brings all unsync pages of one table into step. @returns whether any stayed: a local flush is
 * owed.
 */
function kvm_sync_pages(vcpu: Vcpu, gfn: number, invalid_list: PageList): boolean {
  let flush = false;
  for (const sp of indirectValidPages(vcpu.kvm, gfn)) {
    if (sp.unsync && kvm_sync_page(vcpu, sp, invalid_list)) flush = true;
  }
  return flush;
}
