import { kvm_mmu_commit_zap_page } from "../kernel/free.ts";
import type { Kvm } from "../machine/kvm.ts";
import { cond_resched_lock, spin_lock, spin_unlock } from "../machine/mmu-lock.ts";
import { PageList } from "../machine/page-list.ts";
import type { ShadowPage } from "../machine/shadow-page.ts";
import type { Task } from "../machine/thread.ts";
import { erratum } from "../patch.ts";

/**
 * The walks of 14 and 23 as merged: a page that was zapped starts the walk again before anybody is
 * asked.
 */
const walkWithoutBreak = (walk: string, skip: (sp: ShadowPage) => boolean) =>
  function* (kvm: Kvm): Task<void> {
    const { ops } = kvm;
    const invalid_list = new PageList();
    yield* spin_lock(kvm);
    yield* ops.walkPages(kvm, walk, "newest-first", function* (sp) {
      if (skip(sp)) return "next";
      if (ops.kvm_mmu_prepare_zap_page(kvm, sp, invalid_list) > 0) return "restart";
      return (yield* cond_resched_lock(kvm)) ? "restart" : "next";
    });
    kvm_mmu_commit_zap_page(kvm, invalid_list);
    spin_unlock(kvm);
  };

export const noBreakAfterAZap = erratum({
  id: "E4",
  kind: "slip",
  title: "the voluntary reschedule of 14 and 23 is not reached for a page that was zapped",
  affects: (has) => (has(14) || has(23)) && !has(25),
  apply: (_below, has) => ({
    ...(has(14) && {
      kvm_mmu_zap_mmio_sptes: walkWithoutBreak("kvm_mmu_zap_mmio_sptes", (sp) => !sp.mmio_cached),
    }),
    ...(has(23) && {
      kvm_mmu_zap_all: walkWithoutBreak("kvm_mmu_zap_all", (sp) => sp.invalid && sp.root_count > 0),
    }),
  }),
});
