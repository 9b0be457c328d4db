import { kvm_mmu_commit_zap_page } from "../kernel/free.ts";
import { mutantsOf, without } from "./mutant.ts";
import { nothing, obsoleteWalk } from "./obsolete-walk.ts";

// The constant alone left in: nobody reads it any more.
export const mutants18 = mutantsOf(18, {
  "left-out": {
    title: "the question is asked when ten pages have been zapped",
    apply: without("kvm_zap_obsolete_pages", "BATCH_ZAP_PAGES"),
  },
  "batch-of-one": {
    title: "the question is asked after each zapped page, but not before the first",
    apply: obsoleteWalk({ batch: 1 }),
  },
  "batch-of-two": {
    title: "the question is asked when two pages have been zapped",
    apply: obsoleteWalk({ batch: 2 }),
  },
  "asked-after-the-page": {
    title: "the question is asked when the page has been zapped",
    apply: obsoleteWalk({ batch: 0, order: ["obsolete?", "invalid?", "zap", "wanted?"] }),
  },
  "asked-for-zapped-roots-too": {
    title: "the question is asked for a root in use that has been zapped already",
    apply: obsoleteWalk({ batch: 0, order: ["obsolete?", "wanted?", "invalid?", "zap"] }),
  },
  "asked-for-the-first-new-page-too": {
    title: "the question is asked before the walk sees that it is through",
    apply: obsoleteWalk({ batch: 0, order: ["wanted?", "obsolete?", "invalid?", "zap"] }),
  },
  "lock-dropped-without-a-flush": {
    title: "the lock is dropped with zapped pages on the list",
    apply: obsoleteWalk({ batch: 0, beforeBreak: nothing }),
  },
  "freed-after-the-break": {
    title: "the list is freed when the lock is taken again",
    apply: obsoleteWalk({ batch: 0, beforeBreak: nothing, afterBreak: kvm_mmu_commit_zap_page }),
  },
  "freed-page-by-page": {
    title: "the list is freed before each question, whatever the answer is",
    apply: obsoleteWalk({ batch: 0, beforeEachQuestion: kvm_mmu_commit_zap_page }),
  },
  "not-freed-at-the-end": {
    title: "what was zapped since the last break is never freed",
    apply: obsoleteWalk({ batch: 0, atEnd: nothing }),
  },
  "page-at-the-break-skipped": {
    title: "after a break the walk goes on with the next page",
    apply: obsoleteWalk({ batch: 0, goesOnWith: "next" }),
  },
});
