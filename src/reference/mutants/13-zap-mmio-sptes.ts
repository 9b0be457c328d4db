import type { Step } from "../base/walkPages.ts";
import type { Override } from "../compose.ts";
import { kvm_reload_remote_mmus } from "../kernel/flush.ts";
import { PT64_ENT_PER_PAGE } from "../machine/constants.ts";
import type { Kvm } from "../machine/kvm.ts";
import { spin_lock, spin_unlock } from "../machine/mmu-lock.ts";
import { PageList } from "../machine/page-list.ts";
import type { ShadowPage } from "../machine/shadow-page.ts";
import { mutantsOf, without } from "./mutant.ts";

/** What a walk has just done. */
export interface Visit {
  readonly sp: ShadowPage;
  /** What it would do next. */
  readonly step: Step;
  /** It has dropped `mmu_lock` for this page. */
  readonly dropped: boolean;
}

/** Changes what the walks of the patch (not those of the fast invalidate) do after a page. */
export const afterEachPage =
  (next: (visit: Visit, kvm: Kvm) => Step): Override["apply"] =>
  (ops) => ({
    *walkPages(kvm, walk, order, visit) {
      yield* ops.walkPages(kvm, walk, order, function* (sp) {
        const { lock_breaks } = kvm.counters;
        const step = yield* visit(sp);
        if (walk === "kvm_zap_obsolete_pages") return step;
        return next({ sp, step, dropped: kvm.counters.lock_breaks > lock_breaks }, kvm);
      });
    },
  });

/** Lets the walks of the patch pass over pages. */
export const passingOver =
  (skip: (sp: ShadowPage, walk: string) => boolean): Override["apply"] =>
  (ops) => ({
    *walkPages(kvm, walk, order, visit) {
      yield* ops.walkPages(kvm, walk, order, function* (sp) {
        return walk !== "kvm_zap_obsolete_pages" && skip(sp, walk) ? "next" : yield* visit(sp);
      });
    },
  });

const holdsMmioSpte = (kvm: Kvm, sp: ShadowPage): boolean =>
  Array.from({ length: PT64_ENT_PER_PAGE }).some((_, i) => kvm.masks.is_mmio_spte(sp, i));

// Without kvm_mmu_zap_mmio_sptes alone the kernel does not build: zapForMmioWrap calls it.
export const mutants13 = mutantsOf(13, {
  "no-page-is-flagged": {
    title: "mark_mmio_spte does not note the MMIO SPTE in its page",
    apply: without("mark_mmio_spte"),
  },
  "still-the-fast-invalidate": {
    title: "a wrap still drops every page",
    apply: without("zapForMmioWrap"),
  },
  "flag-on-the-root": {
    title: "the flag is set in the root, not in the page of the entry",
    apply: (_ops, below) => ({
      mark_mmio_spte(vcpu, sp, index, gfn, access) {
        for (const root of vcpu.roots ?? []) root.mmio_cached = true;
        below.mark_mmio_spte(vcpu, sp, index, gfn, access);
      },
    }),
  },
  "flag-on-the-tables-above-too": {
    title: "the flag is passed on to the tables that lead to the page",
    apply: (ops) => ({
      mark_mmio_spte(vcpu, sp, index, gfn, access) {
        for (const parent of sp.parent_ptes) parent.sp.mmio_cached = true;
        ops.mark_mmio_spte(vcpu, sp, index, gfn, access);
      },
    }),
  },
  "flag-goes-with-the-last-mmio-spte": {
    title: "a page that holds no MMIO SPTE any more is passed over",
    apply: (ops) => ({
      *kvm_mmu_zap_mmio_sptes(kvm) {
        for (const sp of kvm.active_mmu_pages.newestFirst()) {
          sp.mmio_cached &&= holdsMmioSpte(kvm, sp);
        }
        yield* ops.kvm_mmu_zap_mmio_sptes(kvm);
      },
    }),
  },
  "flag-outlives-the-page": {
    title: "the flag is kept by gfn: a new page for a gfn that once held an MMIO SPTE has it",
    apply: (ops) => {
      const flagged = new WeakMap<Kvm, Set<number>>();
      return {
        mark_mmio_spte(vcpu, sp, index, gfn, access) {
          const gfns = flagged.get(vcpu.kvm) ?? new Set<number>();
          flagged.set(vcpu.kvm, gfns.add(sp.gfn));
          ops.mark_mmio_spte(vcpu, sp, index, gfn, access);
        },
        *kvm_mmu_zap_mmio_sptes(kvm) {
          for (const sp of kvm.active_mmu_pages.newestFirst()) {
            if (sp.role.level === 1) sp.mmio_cached ||= flagged.get(kvm)?.has(sp.gfn) ?? false;
          }
          yield* ops.kvm_mmu_zap_mmio_sptes(kvm);
        },
      };
    },
  },
  "not-in-smm": {
    title: "pages of address space 1 are passed over",
    apply: passingOver((sp) => sp.role.smm),
  },
  "direct-pages-only": {
    title: "shadows of guest page tables are passed over",
    apply: passingOver((sp) => !sp.role.direct),
  },
  "oldest-first": {
    title: "the walk goes from the tail",
    apply: (ops) => ({
      walkPages: (kvm, walk, _order, visit) => ops.walkPages(kvm, walk, "oldest-first", visit),
    }),
  },
  "stops-at-the-first": {
    title: "the walk ends after the first page that it zaps",
    apply: afterEachPage(({ step }) => (step === "restart" ? "stop" : step)),
  },
  "never-starts-again": {
    title: "the walk trusts the next pointer after a zap",
    apply: afterEachPage(({ step }) => (step === "restart" ? "next" : step)),
  },
  "never-committed": {
    title: "the zapped pages are neither flushed nor freed",
    apply: (ops) => ({
      *kvm_mmu_zap_mmio_sptes(kvm) {
        const invalid_list = new PageList();
        yield* spin_lock(kvm);
        for (const sp of kvm.active_mmu_pages.newestFirst()) {
          if (sp.mmio_cached) ops.kvm_mmu_prepare_zap_page(kvm, sp, invalid_list);
        }
        spin_unlock(kvm);
      },
    }),
  },
  "without-mmu-lock": {
    title: "the walk does not wait for mmu_lock",
    apply: (ops) => ({
      *kvm_mmu_zap_mmio_sptes(kvm) {
        const { held } = kvm.mmu_lock;
        kvm.mmu_lock.held = false;
        yield* ops.kvm_mmu_zap_mmio_sptes(kvm);
        kvm.mmu_lock.held = held;
      },
    }),
  },
  "still-reloads-all-roots": {
    title: "every vCPU is asked to load a new root, as the fast invalidate does",
    apply: (ops) => ({
      *zapForMmioWrap(kvm) {
        kvm_reload_remote_mmus(kvm);
        yield* ops.zapForMmioWrap(kvm);
      },
    }),
  },
  "still-makes-all-obsolete": {
    title: "mmu_valid_gen is increased as well: the pages that stay are found by nobody",
    apply: (ops) => ({
      *zapForMmioWrap(kvm) {
        kvm.mmu_valid_gen++;
        yield* ops.zapForMmioWrap(kvm);
      },
    }),
  },
});
