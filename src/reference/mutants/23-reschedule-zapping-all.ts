import { kvm_mmu_commit_zap_page } from "../kernel/free.ts";
import type { Kvm } from "../machine/kvm.ts";
import {
  cond_resched_lock,
  need_resched_or_break,
  spin_lock,
  spin_unlock,
} from "../machine/mmu-lock.ts";
import { PageList } from "../machine/page-list.ts";
import type { ShadowPage } from "../machine/shadow-page.ts";
import type { Task } from "../machine/thread.ts";
import type { Step } from "../base/walkPages.ts";
import { type Mutant, mutantsOf, without } from "./mutant.ts";

interface Visit {
  readonly kvm: Kvm;
  readonly sp: ShadowPage;
  readonly invalid_list: PageList;
  /** Prepares the page. @returns whether anything went on the list. */
  readonly zap: () => boolean;
}

/** The walk of the patch with another body. */
const zapAll = (visit: (each: Visit) => Task<Step>) => (): ReturnType<Mutant["apply"]> => ({
  *kvm_mmu_zap_all(kvm) {
    const invalid_list = new PageList();
    yield* spin_lock(kvm);
    yield* kvm.ops.walkPages(kvm, "kvm_mmu_zap_all", "newest-first", function* (sp) {
      const zap = (): boolean => kvm.ops.kvm_mmu_prepare_zap_page(kvm, sp, invalid_list) > 0;
      return yield* visit({ kvm, sp, invalid_list, zap });
    });
    kvm_mmu_commit_zap_page(kvm, invalid_list);
    spin_unlock(kvm);
  },
});

/** The body of the patch, but for what is done between zapping a page and going on. */
const asking = (ask: (each: Visit, zapped: boolean) => Task<boolean>) =>
  zapAll(function* (each) {
    if (each.sp.invalid && each.sp.root_count > 0) return "next";
    return (yield* ask(each, each.zap())) ? "restart" : "next";
  });

export const mutants23 = mutantsOf(23, {
  "never-asked": {
    title: "the lock is held throughout: the patch is left out",
    apply: without("kvm_mmu_zap_all"),
  },
  "asked-only-when-nothing-zapped": {
    title: "a page that was zapped starts the walk again before anybody is asked (as merged, E4)",
    apply: asking(function* ({ kvm }, zapped) {
      return zapped || (yield* cond_resched_lock(kvm));
    }),
  },
  "asked-only-when-zapped": {
    title: "nobody is asked after a root in use",
    apply: asking(function* ({ kvm }, zapped) {
      return zapped && ((yield* cond_resched_lock(kvm)) || true);
    }),
  },
  "goes-on-after-a-break": {
    title: "the walk goes on to the page that it has remembered although the lock was dropped",
    apply: asking(function* ({ kvm }, zapped) {
      yield* cond_resched_lock(kvm);
      return zapped;
    }),
  },
  "asked-before-the-page": {
    title: "the lock is dropped before a page is zapped, as in the walk over obsolete pages",
    apply: zapAll(function* ({ kvm, sp, zap }) {
      if (yield* cond_resched_lock(kvm)) return "restart";
      if (sp.invalid && sp.root_count > 0) return "next";
      return zap() ? "restart" : "next";
    }),
  },
  "asked-every-ten-pages": {
    title: "the question is asked in batches again",
    apply: asking(function* ({ kvm, invalid_list }, zapped) {
      const full = invalid_list.length > 0 && invalid_list.length % 10 === 0;
      return (full && (yield* cond_resched_lock(kvm))) || zapped;
    }),
  },
  "flushes-before-a-break": {
    title: "the prepared pages are committed before each break, which costs a flush each",
    apply: asking(function* ({ kvm, invalid_list }, zapped) {
      if (!need_resched_or_break(kvm)) return zapped;
      kvm_mmu_commit_zap_page(kvm, invalid_list);
      return (yield* cond_resched_lock(kvm)) || zapped;
    }),
  },
  "drops-unasked": {
    title: "the lock is dropped after every page, whether anybody wants it or not",
    apply: asking(function* ({ kvm }, zapped) {
      kvm.log?.push({ event: "lock_break" });
      spin_unlock(kvm);
      yield "mmu_lock.break";
      yield* spin_lock(kvm);
      return zapped;
    }),
  },
  "asks-and-keeps-the-lock": {
    title: "need_resched is asked, but the lock is not dropped",
    apply: asking(function* ({ kvm }, zapped) {
      return need_resched_or_break(kvm) || zapped;
    }),
  },
  "skip-lost": {
    title: "invalid roots are prepared again: patch 22 is lost in the rewrite",
    apply: zapAll(function* ({ kvm, zap }) {
      const zapped = zap();
      return (yield* cond_resched_lock(kvm)) || zapped ? "restart" : "next";
    }),
  },
});
