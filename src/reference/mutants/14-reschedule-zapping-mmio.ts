import type { Step } from "../base/walkPages.ts";
import type { Override } from "../compose.ts";
import { kvm_mmu_commit_zap_page } from "../kernel/free.ts";
import type { Kvm } from "../machine/kvm.ts";
import {
  cond_resched_lock,
  need_resched_or_break,
  spin_lock,
  spin_unlock,
} from "../machine/mmu-lock.ts";
import { PageList } from "../machine/page-list.ts";
import type { Task } from "../machine/thread.ts";
import { afterEachPage, passingOver } from "./13-zap-mmio-sptes.ts";
import { mutantsOf, without } from "./mutant.ts";

/** The walk with another visit of a flagged page; `zap` says whether pages went on the list. */
const walk =
  (
    visit: (kvm: Kvm, zap: () => boolean, invalid_list: PageList) => Task<Step>,
  ): Override["apply"] =>
  (ops) => ({
    *kvm_mmu_zap_mmio_sptes(kvm) {
      const invalid_list = new PageList();
      yield* spin_lock(kvm);
      yield* ops.walkPages(kvm, "kvm_mmu_zap_mmio_sptes", "newest-first", function* (sp) {
        if (!sp.mmio_cached) return "next";
        const zap = (): boolean => ops.kvm_mmu_prepare_zap_page(kvm, sp, invalid_list) > 0;
        return yield* visit(kvm, zap, invalid_list);
      });
      kvm_mmu_commit_zap_page(kvm, invalid_list);
      spin_unlock(kvm);
    },
  });

const restartIf = (condition: boolean): Step => (condition ? "restart" : "next");

export const mutants14 = mutantsOf(14, {
  "never-asks": {
    title: "the walk keeps the lock throughout",
    apply: without("kvm_mmu_zap_mmio_sptes"),
  },
  "asks-only-when-nothing-was-freed": {
    title: "a page that was zapped sends the walk back before anybody is asked, as merged",
    apply: walk(function* (kvm, zap) {
      return restartIf(zap() || (yield* cond_resched_lock(kvm)));
    }),
  },
  "asks-only-when-something-was-freed": {
    title: "nobody is asked after a zap that put no page on the list",
    apply: walk(function* (kvm, zap) {
      if (!zap()) return "next";
      yield* cond_resched_lock(kvm);
      return "restart";
    }),
  },
  "goes-on-after-a-break": {
    title: "the walk trusts the next pointer after it has dropped the lock",
    apply: afterEachPage(({ step, dropped }) => (dropped ? "next" : step)),
  },
  "break-alone-is-no-reason-to-restart": {
    title: "the walk starts again only when pages went on the list",
    apply: walk(function* (kvm, zap) {
      const zapped = zap();
      yield* cond_resched_lock(kvm);
      return restartIf(zapped);
    }),
  },
  "commits-before-a-break": {
    title: "what is zapped is flushed and freed at each break",
    apply: walk(function* (kvm, zap, invalid_list) {
      const zapped = zap();
      if (need_resched_or_break(kvm)) kvm_mmu_commit_zap_page(kvm, invalid_list);
      return restartIf((yield* cond_resched_lock(kvm)) || zapped);
    }),
  },
  "asks-in-batches": {
    title: "the question is asked after ten zapped pages, as in the fast invalidate",
    apply: walk(function* (kvm, zap, invalid_list) {
      const zapped = zap();
      const due = invalid_list.length % kvm.ops.BATCH_ZAP_PAGES === 0;
      return restartIf((due && (yield* cond_resched_lock(kvm))) || zapped);
    }),
  },
  "asks-after-the-first-zap-only": {
    title: "the question is asked once a walk",
    apply: walk(function* (kvm, zap, invalid_list) {
      const first = invalid_list.isEmpty;
      const zapped = zap();
      return restartIf((first && (yield* cond_resched_lock(kvm))) || zapped);
    }),
  },
  "asks-for-every-page": {
    title: "pages that are passed over are asked for, too",
    apply: (ops) => ({
      *walkPages(kvm, name, order, visit) {
        yield* ops.walkPages(kvm, name, order, function* (sp) {
          if (!sp.mmio_cached) yield* cond_resched_lock(kvm);
          return yield* visit(sp);
        });
      },
    }),
  },
  "drops-the-lock-unasked": {
    title: "the lock is dropped for every zapped page, wanted or not",
    apply: (ops) => ({
      *kvm_mmu_zap_mmio_sptes(kvm) {
        kvm.mmu_lock.contend("cpu", "always");
        yield* ops.kvm_mmu_zap_mmio_sptes(kvm);
      },
    }),
  },
  "gives-up-at-a-break": {
    title: "what is left after a break is left",
    apply: afterEachPage(({ step, dropped }) => (dropped ? "stop" : step)),
  },
  "zaps-direct-pages-only": {
    title: "shadows of guest page tables are passed over",
    apply: passingOver((sp) => !sp.role.direct),
  },
});
