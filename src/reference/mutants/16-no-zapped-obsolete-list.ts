import { prepare_zap_oldest_mmu_page } from "../kernel/budget.ts";
import { kvm_mmu_commit_zap_page } from "../kernel/free.ts";
import type { Kvm } from "../machine/kvm.ts";
import { spin_lock, spin_unlock } from "../machine/mmu-lock.ts";
import { PageList } from "../machine/page-list.ts";
import type { ShadowPage } from "../machine/shadow-page.ts";
import type { Operations } from "../operations.ts";
import { mutantsOf, without } from "./mutant.ts";
import { nothing, obsoleteWalk } from "./obsolete-walk.ts";

/**
 * The shrinker with its lock; `scan` says what it does under it and returns what it reports as
 * freed.
 */
const shrinker =
  (scan: (kvm: Kvm, invalid_list: PageList) => number) =>
  (): Pick<Operations, "mmu_shrink_scan"> => ({
    *mmu_shrink_scan(kvm) {
      yield* spin_lock(kvm);
      const freed = scan(kvm, new PageList());
      spin_unlock(kvm);
      return freed;
    },
  });

/** Zaps and frees one page; @returns how many pages went. */
function take(kvm: Kvm, sp: ShadowPage | null | undefined, invalid_list: PageList): number {
  const zapped = sp ? kvm.ops.kvm_mmu_prepare_zap_page(kvm, sp, invalid_list) : 0;
  kvm_mmu_commit_zap_page(kvm, invalid_list);
  return zapped;
}

// Only one half left out: the old scan over a list that stays empty does what the new one does, and
// the old walk over a list that nobody else looks at any more does what the new one does.
export const mutants16 = mutantsOf(16, {
  "left-out": {
    title: "the list of the VM stays, and the shrinker frees it first",
    apply: without("kvm_zap_obsolete_pages", "mmu_shrink_scan", "kvm_has_zapped_obsolete_pages"),
  },
  "wrong-branch-removed": {
    title:
      "the list of the VM stays; the shrinker sees it, zaps nothing, and does not free it either",
    apply: (ops, below) => ({
      kvm_zap_obsolete_pages: below.kvm_zap_obsolete_pages,
      *mmu_shrink_scan(kvm) {
        return kvm.zapped_obsolete_pages.isEmpty ? yield* ops.mmu_shrink_scan(kvm) : 0;
      },
    }),
  },
  "wrong-list-freed-at-the-end": {
    title: "the walk has a list of its own and frees that of the VM",
    apply: obsoleteWalk({
      beforeBreak: nothing,
      atEnd: (kvm) => {
        kvm_mmu_commit_zap_page(kvm, kvm.zapped_obsolete_pages);
      },
    }),
  },
  "newest-page-goes": {
    title: "the shrinker takes the newest page",
    apply: shrinker((kvm, list) => (take(kvm, kvm.active_mmu_pages.head, list) > 0 ? 1 : 0)),
  },
  "roots-spared": {
    title: "the shrinker takes the oldest page that is no root in use",
    apply: shrinker((kvm, list) => {
      const spare = [...kvm.active_mmu_pages.newestFirst()].filter((sp) => sp.root_count === 0);
      return take(kvm, spare.at(-1), list) > 0 ? 1 : 0;
    }),
  },
  "zapped-page-not-freed": {
    title: "the shrinker prepares a page and forgets to free it",
    apply: shrinker((kvm, list) => (prepare_zap_oldest_mmu_page(kvm, list) ? 1 : 0)),
  },
  "pages-counted-as-freed": {
    title: "the shrinker reports how many pages went instead of how often it zapped",
    apply: shrinker((kvm, list) => take(kvm, kvm.active_mmu_pages.tail, list)),
  },
  "every-scan-counts": {
    title: "the shrinker reports a page freed even when none was",
    apply: shrinker((kvm, list) => {
      take(kvm, kvm.active_mmu_pages.tail, list);
      return 1;
    }),
  },
  "freed-before-a-break": {
    title: "the walk frees its list before it drops the lock, as from patch 17 on",
    apply: obsoleteWalk({}),
  },
});
