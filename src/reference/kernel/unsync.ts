import type { Kvm } from "../machine/kvm.ts";
import { pageState } from "../machine/events.ts";
import type { PageList } from "../machine/page-list.ts";
import type { ShadowPage, Sptep } from "../machine/shadow-page.ts";
import { childTable } from "./links.ts";

/** Shadow pages out of step with the guest page table they shadow (arch/x86/kvm/mmu.c). */

/** Most pages that one walk collects, the inner ones and the top included. */
const KVM_PAGE_ARRAY_NR = 16;

/** Notes in an entry's page, and upwards, that something below the entry is unsync. */
export function mark_unsync({ sp, index }: Sptep): void {
  sp.unsync_child_bitmap ??= new Set();
  if (sp.unsync_child_bitmap.has(index)) return;
  sp.unsync_child_bitmap.add(index);
  if (sp.unsync_child_bitmap.size === 1) sp.parent_ptes.forEach(mark_unsync);
}

/** Lets a level 1 page go out of step: its guest page table may be written without a fault. */
export function kvm_unsync_page(kvm: Kvm, sp: ShadowPage): void {
  kvm.log?.push({ event: "unsync_page", page: pageState(sp) });
  sp.unsync = true;
  sp.parent_ptes.forEach(mark_unsync);
}

/** The page is in step again, or about to be zapped. */
export function kvm_unlink_unsync_page(kvm: Kvm, sp: ShadowPage): void {
  kvm.log?.push({ event: "sync_page", page: pageState(sp) });
  sp.unsync = false;
}

/** An unsync page and the entries that lead to it, nearest first. */
export interface UnsyncLeaf {
  readonly sp: ShadowPage;
  readonly path: readonly Sptep[];
}

/**
 * The first unsync pages below `top` in table order: mmu_unsync_walk. Stale marks are removed on
 * the way.
 */
export function mmu_unsync_walk(kvm: Kvm, top: ShadowPage): UnsyncLeaf[] {
  const leaves: UnsyncLeaf[] = [];
  let collected = 1;
  const full = (): boolean => collected >= KVM_PAGE_ARRAY_NR;

  /** @returns whether the entry's mark still stands. */
  const visit = (sp: ShadowPage, index: number, path: readonly Sptep[]): boolean => {
    const child = childTable(kvm, sp, index);
    if (child === null) return false;
    const here = [{ sp, index }, ...path];
    if (child.unsync_children > 0) {
      collected++;
      return full() || descend(child, here);
    }
    if (!child.unsync) return false;
    if (!leaves.some((leaf) => leaf.sp === child)) {
      leaves.push({ sp: child, path: here });
      collected++;
    }
    return true;
  };

  const descend = (sp: ShadowPage, path: readonly Sptep[]): boolean => {
    let found = false;
    for (const index of [...(sp.unsync_child_bitmap ?? [])].sort((a, b) => a - b)) {
      if (full()) return true;
      if (visit(sp, index, path)) found = true;
      else sp.unsync_child_bitmap?.delete(index);
    }
    return found;
  };

  descend(top, []);
  return leaves;
}

/** Removes the marks that led to a page that is unsync no longer: mmu_pages_clear_parents. */
export function mmu_pages_clear_parents({ path }: UnsyncLeaf): void {
  for (const { sp, index } of path) {
    sp.unsync_child_bitmap?.delete(index);
    if (sp.unsync_children > 0) return;
  }
}

/** Prepares every unsync page below `parent` for freeing. @returns how many. */
export function mmu_zap_unsync_children(
  kvm: Kvm,
  parent: ShadowPage,
  invalid_list: PageList,
): number {
  let zapped = 0;
  if (parent.unsync_children === 0) return zapped;
  for (let leaves; (leaves = mmu_unsync_walk(kvm, parent)).length > 0;) {
    for (const leaf of leaves) {
      kvm.ops.kvm_mmu_prepare_zap_page(kvm, leaf.sp, invalid_list);
      mmu_pages_clear_parents(leaf);
      zapped++;
    }
  }
  return zapped;
}
