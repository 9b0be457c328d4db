import { kvm_flush_remote_tlbs, kvm_reload_remote_mmus } from "../kernel/flush.ts";
import { kvm_mmu_commit_zap_page } from "../kernel/free.ts";
import { spin_lock, spin_unlock } from "../machine/mmu-lock.ts";
import { mutantsOf, without } from "./mutant.ts";
import { nothing, obsoleteWalk } from "./obsolete-walk.ts";

export const mutants17 = mutantsOf(17, {
  "request-at-the-start-kept": {
    title: "the fast invalidate still asks for new roots at its start",
    apply: without("kvm_mmu_invalidate_zap_all_pages"),
  },
  "walk-left-as-it-was": {
    title: "the request at the start is gone, but the walk drops the lock without a flush",
    apply: without("kvm_zap_obsolete_pages"),
  },
  "request-at-the-end": {
    title: "the request for new roots moves to the end of the fast invalidate",
    apply: (ops) => ({
      *kvm_mmu_invalidate_zap_all_pages(kvm) {
        yield* ops.kvm_mmu_invalidate_zap_all_pages(kvm);
        kvm_reload_remote_mmus(kvm);
      },
    }),
  },
  "increment-removed-too": {
    title: "the fast invalidate makes no page obsolete any more",
    apply: () => ({
      *kvm_mmu_invalidate_zap_all_pages(kvm) {
        yield* spin_lock(kvm);
        kvm.ops.traceInvalidateZapAllPages(kvm);
        yield* kvm.ops.kvm_zap_obsolete_pages(kvm);
        spin_unlock(kvm);
      },
    }),
  },
  "freed-after-the-break": {
    title: "the list is freed when the lock is taken again",
    apply: obsoleteWalk({ beforeBreak: nothing, afterBreak: kvm_mmu_commit_zap_page }),
  },
  "flushed-but-not-freed": {
    title: "before the lock is dropped the TLBs are flushed, but the pages are freed at the end",
    apply: obsoleteWalk({
      beforeBreak: (kvm, list) => {
        if (!list.isEmpty) kvm_flush_remote_tlbs(kvm, "kvm_mmu_commit_zap_page");
      },
    }),
  },
  "freed-after-each-batch": {
    title: "the list is freed before each question, whatever the answer is",
    apply: obsoleteWalk({ beforeEachQuestion: kvm_mmu_commit_zap_page }),
  },
  "not-freed-at-the-end": {
    title: "what was zapped since the last break is never freed",
    apply: obsoleteWalk({ atEnd: nothing }),
  },
  "batch-goes-on-after-a-break": {
    title: "after the first break the question is asked for every page",
    apply: obsoleteWalk({ batchEndsWithBreak: false }),
  },
  "batch-counts-calls": {
    title: "an unsync descendant that goes with a page does not count towards the batch",
    apply: obsoleteWalk({ countsForBatch: (zapped) => Math.min(zapped, 1) }),
  },
  "page-at-the-break-skipped": {
    title: "after a break the walk goes on with the next page",
    apply: obsoleteWalk({ goesOnWith: "next" }),
  },
  "asked-for-every-page": {
    title: "the question is asked before every page, as from patch 18 on",
    apply: obsoleteWalk({ batch: 0 }),
  },
});
