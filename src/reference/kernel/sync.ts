import type { Kvm } from "../machine/kvm.ts";
import { PAGE_SIZE } from "../machine/constants.ts";
import {
  cond_resched_lock,
  need_resched_or_break,
  spin_lock,
  spin_unlock,
} from "../machine/mmu-lock.ts";
import { PageList } from "../machine/page-list.ts";
import type { ShadowPage } from "../machine/shadow-page.ts";
import { is_last_spte, spte_to_pfn } from "../machine/spte.ts";
import type { Task } from "../machine/thread.ts";
import type { Vcpu } from "../machine/vcpu.ts";
import { kvm_flush_remote_tlbs } from "./flush.ts";
import { kvm_sync_page } from "./get-page.ts";
import { readGpte } from "./guest-walk.ts";
import { mmu_page_zap_pte } from "./links.ts";
import { vcpu_clear_mmio_info } from "./mmio-cache.ts";
import { prefetch_gpte } from "./shadow-fault.ts";
import { mmu_pages_clear_parents, mmu_unsync_walk } from "./unsync.ts";
import { tableIndex } from "./walk.ts";
import { rmap_write_protect } from "./write-tracking.ts";

/** Bringing shadow pages into step when the guest flushes: CR3 loads and INVLPG (arch/x86/kvm). */

/** Syncs all unsync pages below a root; may drop the lock between batches. */
function* mmu_sync_children(vcpu: Vcpu, root: ShadowPage): Task<void> {
  const { kvm } = vcpu;
  const invalid_list = new PageList();
  let flush = false;
  for (let leaves; (leaves = mmu_unsync_walk(kvm, root)).length > 0;) {
    const lost = leaves.map(({ sp }) => rmap_write_protect(vcpu, sp.gfn));
    if (lost.includes(true)) {
      kvm_flush_remote_tlbs(kvm, "mmu_sync_children");
      flush = false;
    }
    for (const leaf of leaves) {
      if (kvm_sync_page(vcpu, leaf.sp, invalid_list)) flush = true;
      mmu_pages_clear_parents(leaf);
    }
    if (need_resched_or_break(kvm)) {
      kvm.ops.kvm_mmu_flush_or_zap(vcpu, invalid_list, false, flush);
      yield* cond_resched_lock(kvm);
      flush = false;
    }
  }
  kvm.ops.kvm_mmu_flush_or_zap(vcpu, invalid_list, false, flush);
}

/** Syncs what the vCPU's root reaches; nothing to do with direct paging. */
export function* kvm_mmu_sync_roots(vcpu: Vcpu): Task<void> {
  if (vcpu.direct_map || vcpu.roots === null) return;
  vcpu_clear_mmio_info(vcpu, "any");
  const [root] = vcpu.roots;
  if (root === undefined || root.unsync_children === 0) return;
  yield* spin_lock(vcpu.kvm);
  yield* mmu_sync_children(vcpu, root);
  spin_unlock(vcpu.kvm);
}

/** The guest invalidates one virtual address: kvm_mmu_invlpg. */
export function* kvm_mmu_invlpg(vcpu: Vcpu, gva: number): Task<void> {
  if (vcpu.pagingShadowed) {
    const roots = [vcpu.roots?.[0] ?? null, ...vcpu.prev_roots.map(({ root }) => root)];
    for (const root of roots) if (root !== null) yield* paging64_invlpg(vcpu, gva, root);
  }
  vcpu.tlb.drop(Math.floor(gva / PAGE_SIZE));
}

function* paging64_invlpg(vcpu: Vcpu, gva: number, root: ShadowPage): Task<void> {
  const { kvm } = vcpu;
  vcpu_clear_mmio_info(vcpu, gva);
  yield* spin_lock(kvm);
  const page = Math.floor(gva / PAGE_SIZE);
  for (let sp: ShadowPage | null = root; sp !== null; sp = unsyncBelow(kvm, sp, page)) {
    const index = tableIndex(page, sp.role.level);
    if (!is_last_spte(sp, index) || !sp.unsync) continue;
    if (mmu_page_zap_pte(kvm, sp, index)) kvm_flush_remote_tlbs(kvm, "invlpg");
    const gpte = readGpte(vcpu, sp.gfn, index);
    if (gpte !== null) prefetch_gpte(vcpu, sp, index, gpte, false);
  }
  spin_unlock(kvm);
}

/** The next table on the way to an unsync page, or null. */
function unsyncBelow(kvm: Kvm, sp: ShadowPage, page: number): ShadowPage | null {
  const index = tableIndex(page, sp.role.level);
  if (!kvm.masks.is_shadow_present_pte(sp, index) || sp.unsync_children === 0) return null;
  return is_last_spte(sp, index) ? null : kvm.page_header(spte_to_pfn(sp, index));
}
