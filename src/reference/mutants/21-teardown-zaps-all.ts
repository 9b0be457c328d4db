import { kvm_flush_remote_tlbs, kvm_reload_remote_mmus } from "../kernel/flush.ts";
import { kvm_mmu_commit_zap_page } from "../kernel/free.ts";
import type { Kvm } from "../machine/kvm.ts";
import { cond_resched_lock, spin_lock, spin_unlock } from "../machine/mmu-lock.ts";
import { PageList } from "../machine/page-list.ts";
import type { ShadowPage } from "../machine/shadow-page.ts";
import type { Task } from "../machine/thread.ts";
import type { Step } from "../base/walkPages.ts";
import { type Mutant, mutantsOf, without } from "./mutant.ts";

interface Slip {
  readonly order?: "newest-first" | "oldest-first";
  readonly visit?: (kvm: Kvm, sp: ShadowPage, invalid_list: PageList) => Task<Step>;
  readonly before?: (kvm: Kvm) => void;
  readonly end?: (kvm: Kvm, invalid_list: PageList) => void;
  readonly unlock?: (kvm: Kvm) => void;
}

/** What the patch does with a page: prepare it, and start again if that zapped anything. */
const zap = (kvm: Kvm, sp: ShadowPage, invalid_list: PageList): Step =>
  kvm.ops.kvm_mmu_prepare_zap_page(kvm, sp, invalid_list) > 0 ? "restart" : "next";

/** The walk of the patch with a slip in it. */
const zapAll =
  ({ order = "newest-first", visit, before, end = kvm_mmu_commit_zap_page, unlock }: Slip) =>
  (): ReturnType<Mutant["apply"]> => ({
    *kvm_mmu_zap_all(kvm) {
      const invalid_list = new PageList();
      yield* spin_lock(kvm);
      before?.(kvm);
      yield* kvm.ops.walkPages(kvm, "kvm_mmu_zap_all", order, function* (sp) {
        return visit === undefined
          ? zap(kvm, sp, invalid_list)
          : yield* visit(kvm, sp, invalid_list);
      });
      end(kvm, invalid_list);
      (unlock ?? spin_unlock)(kvm);
    },
  });

// To leave out kvm_mmu_zap_all alone is no mutant: its caller would not build.
export const mutants21 = mutantsOf(21, {
  "teardown-still-fast": {
    title: "teardown still calls the fast invalidate",
    apply: without("kvm_arch_flush_shadow_all"),
  },
  "oldest-first": {
    title: "the walk goes from the tail and skips invalid pages, as the fast invalidate did",
    apply: zapAll({
      order: "oldest-first",
      *visit(kvm, sp, invalid_list) {
        return sp.invalid ? "next" : zap(kvm, sp, invalid_list);
      },
    }),
  },
  "no-restart": {
    title: "the walk goes on to the page that it has remembered, even if that went as well",
    apply: zapAll({
      *visit(kvm, sp, invalid_list) {
        zap(kvm, sp, invalid_list);
        return "next";
      },
    }),
  },
  "one-pass-over-roots": {
    title: "a page that returns 0 ends the walk",
    apply: zapAll({
      *visit(kvm, sp, invalid_list) {
        return zap(kvm, sp, invalid_list) === "restart" ? "restart" : "stop";
      },
    }),
  },
  "roots-left-valid": {
    title: "roots in use are skipped: their vCPUs go on with them",
    apply: zapAll({
      *visit(kvm, sp, invalid_list) {
        return sp.root_count > 0 ? "next" : zap(kvm, sp, invalid_list);
      },
    }),
  },
  "mmio-pages-only": {
    title: "only pages with MMIO SPTEs go, as after a generation wrap",
    apply: zapAll({
      *visit(kvm, sp, invalid_list) {
        return sp.mmio_cached ? zap(kvm, sp, invalid_list) : "next";
      },
    }),
  },
  "commit-forgotten": {
    title: "the prepared pages are neither flushed nor freed",
    apply: zapAll({ end: () => undefined }),
  },
  "commit-each-page": {
    title: "every page is committed by itself, with a flush each",
    apply: zapAll({
      *visit(kvm, sp, invalid_list) {
        const step = zap(kvm, sp, invalid_list);
        kvm_mmu_commit_zap_page(kvm, invalid_list);
        return step;
      },
    }),
  },
  "flush-in-any-case": {
    title: "a remote flush of its own comes on top of the one in the commit",
    apply: zapAll({
      end(kvm, invalid_list) {
        kvm_flush_remote_tlbs(kvm, "kvm_mmu_commit_zap_page");
        kvm_mmu_commit_zap_page(kvm, invalid_list);
      },
    }),
  },
  "reload-at-the-start": {
    title: "all vCPUs are asked to reload before the walk, as the fast invalidate did",
    apply: zapAll({ before: kvm_reload_remote_mmus }),
  },
  "obsolete-all-the-same": {
    title: "the VM's generation of shadow pages is still raised",
    apply: zapAll({
      before(kvm) {
        kvm.mmu_valid_gen++;
      },
    }),
  },
  "lock-dropped": {
    title: "the walk gives up the lock when somebody wants the CPU",
    apply: zapAll({
      *visit(kvm, sp, invalid_list) {
        const step = zap(kvm, sp, invalid_list);
        return (yield* cond_resched_lock(kvm)) ? "restart" : step;
      },
    }),
  },
  "lock-not-released": {
    title: "the function returns with mmu_lock held",
    apply: zapAll({ unlock: () => undefined }),
  },
  "lock-not-taken": {
    title: "the walk runs without mmu_lock",
    apply: () => ({
      *kvm_mmu_zap_all(kvm) {
        const invalid_list = new PageList();
        yield* kvm.ops.walkPages(kvm, "kvm_mmu_zap_all", "newest-first", function* (sp) {
          return zap(kvm, sp, invalid_list);
        });
        kvm_mmu_commit_zap_page(kvm, invalid_list);
      },
    }),
  },
});
