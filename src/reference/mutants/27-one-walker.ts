import type { Override } from "../compose.ts";
import { kvm_mmu_commit_zap_page } from "../kernel/free.ts";
import { warnOnce } from "../machine/events.ts";
import { cond_resched_lock, spin_lock, spin_unlock } from "../machine/mmu-lock.ts";
import { PageList } from "../machine/page-list.ts";
import type { ShadowPage } from "../machine/shadow-page.ts";
import { afterEachPage } from "./13-zap-mmio-sptes.ts";
import { mutantsOf } from "./mutant.ts";

const WALK = "__kvm_mmu_zap_all";

const zappedRootInUse = (sp: ShadowPage): boolean => sp.invalid && sp.root_count > 0;

/** The walker with other decisions: which pages it passes over, and when it warns. */
const walker =
  ({
    passes = zappedRootInUse,
    warns = (mmio_only) => mmio_only,
  }: {
    passes?: (sp: ShadowPage, mmio_only: boolean) => boolean;
    warns?: (mmio_only: boolean) => boolean;
  }): Override["apply"] =>
  (ops) => ({
    *__kvm_mmu_zap_all(kvm, mmio_only) {
      const invalid_list = new PageList();
      yield* spin_lock(kvm);
      yield* ops.walkPages(kvm, WALK, "newest-first", function* (sp) {
        if ((mmio_only && !sp.mmio_cached) || passes(sp, mmio_only)) return "next";
        if (ops.__kvm_mmu_prepare_zap_page(kvm, sp, invalid_list).list_unstable) {
          if (warns(mmio_only)) warnOnce(kvm, WALK);
          return "restart";
        }
        return (yield* cond_resched_lock(kvm)) ? "restart" : "next";
      });
      kvm_mmu_commit_zap_page(kvm, invalid_list);
      spin_unlock(kvm);
    },
  });

// Without kvm_mmu_zap_all it keeps its own walk, which does the same: equivalent but for the name
// in a restart's event. Without zapForMmioWrap or __kvm_mmu_zap_all the kernel does not build: they
// call what is not there.
export const mutants27 = mutantsOf(27, {
  "wrap-zaps-everything": {
    title: "the MMIO case passes mmio_only = false",
    apply: (ops) => ({ zapForMmioWrap: (kvm) => ops.__kvm_mmu_zap_all(kvm, false) }),
  },
  "teardown-zaps-mmio-only": {
    title: "kvm_mmu_zap_all passes mmio_only = true",
    apply: (ops) => ({ kvm_mmu_zap_all: (kvm) => ops.__kvm_mmu_zap_all(kvm, true) }),
  },
  "callers-exchanged": {
    title: "each of the two callers passes the other one's argument",
    apply: (ops) => ({
      __kvm_mmu_zap_all: (kvm, mmio_only) => ops.__kvm_mmu_zap_all(kvm, !mmio_only),
    }),
  },
  "zapped-roots-again-at-a-wrap": {
    title: "zapped roots in use are passed over at a teardown only",
    apply: walker({ passes: (sp, mmio_only) => !mmio_only && zappedRootInUse(sp) }),
  },
  "zapped-roots-again-at-a-teardown": {
    title: "zapped roots in use are passed over at a wrap only",
    apply: walker({ passes: (sp, mmio_only) => mmio_only && zappedRootInUse(sp) }),
  },
  "every-root-in-use-is-passed-over": {
    title: "roots in use are passed over whether they were zapped or not",
    apply: walker({ passes: (sp) => sp.root_count > 0 }),
  },
  "warning-lost": {
    title: "the walker never warns",
    apply: walker({ warns: () => false }),
  },
  "warns-at-a-teardown-too": {
    title: "the warning does not ask for mmio_only",
    apply: walker({ warns: () => true }),
  },
  "warns-at-a-teardown-only": {
    title: "the warning asks for mmio_only the wrong way round",
    apply: walker({ warns: (mmio_only) => !mmio_only }),
  },
  "goes-on-after-a-break": {
    title: "the walker trusts the next pointer after it has dropped the lock",
    apply: afterEachPage(({ step, dropped }) => (dropped ? "next" : step)),
  },
  "goes-on-when-unstable": {
    title: "the walker trusts the next pointer after unsync descendants have gone",
    apply: afterEachPage(({ step, dropped }) => (step === "restart" && !dropped ? "next" : step)),
  },
});
