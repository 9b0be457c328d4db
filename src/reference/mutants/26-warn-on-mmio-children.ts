import { warn, warnOnce } from "../machine/events.ts";
import type { Override } from "../compose.ts";
import type { Kvm } from "../machine/kvm.ts";
import type { Prepared } from "../operations.ts";
import type { ShadowPage } from "../machine/shadow-page.ts";
import { afterEachPage, passingOver } from "./13-zap-mmio-sptes.ts";
import { mutantsOf, without } from "./mutant.ts";

const WALK = "kvm_mmu_zap_mmio_sptes";

/** Warns on another occasion, in the walks; the patch's own warning stays. */
const alsoWarning =
  (
    occasion: (prepared: Prepared, sp: ShadowPage, wasUnsync: boolean) => boolean,
  ): Override["apply"] =>
  (ops) => ({
    __kvm_mmu_prepare_zap_page(kvm, sp, invalid_list) {
      const wasUnsync = sp.unsync;
      const prepared = ops.__kvm_mmu_prepare_zap_page(kvm, sp, invalid_list);
      if (sp.mmio_cached && occasion(prepared, sp, wasUnsync)) warnOnce(kvm, WALK);
      return prepared;
    },
  });

/** Runs the patch's walk, with something before it. */
const before =
  (first: (kvm: Kvm) => void): Override["apply"] =>
  (ops) => ({
    *kvm_mmu_zap_mmio_sptes(kvm) {
      first(kvm);
      yield* ops.kvm_mmu_zap_mmio_sptes(kvm);
    },
  });

export const mutants26 = mutantsOf(26, {
  "never-warns": {
    title: "the walk says nothing",
    apply: without("kvm_mmu_zap_mmio_sptes"),
  },
  "warns-every-time": {
    title: "every such zap is warned about",
    apply: (ops) => ({
      __kvm_mmu_prepare_zap_page(kvm, sp, invalid_list) {
        const prepared = ops.__kvm_mmu_prepare_zap_page(kvm, sp, invalid_list);
        if (sp.mmio_cached && prepared.list_unstable && kvm.warned.has(WALK)) warn(kvm, WALK);
        return prepared;
      },
    }),
  },
  "warns-once-a-wrap": {
    title: "each walk warns anew",
    apply: before((kvm) => kvm.warned.delete(WALK)),
  },
  "warns-about-any-zap": {
    title: "the page itself counts as a child",
    apply: alsoWarning(({ nr_zapped }) => nr_zapped > 0),
  },
  "warns-about-an-unsync-page": {
    title: "an unsync page with MMIO SPTEs is warned about, though it has no children",
    apply: alsoWarning((_prepared, _sp, wasUnsync) => wasUnsync),
  },
  "warns-about-tables-above-level-1": {
    title: "a flagged page above level 1 is warned about, whatever goes with it",
    apply: alsoWarning((_prepared, sp) => sp.role.level > 1),
  },
  "warns-at-teardown-too": {
    title: "zapping all pages warns as well",
    apply: (ops) => ({
      *kvm_mmu_zap_all(kvm) {
        const unsync = [...kvm.active_mmu_pages.newestFirst()].some((sp) => sp.unsync);
        if (unsync) warnOnce(kvm, "kvm_mmu_zap_all");
        yield* ops.kvm_mmu_zap_all(kvm);
      },
    }),
  },
  "one-descendant-is-overlooked": {
    title: "only a count above 1 is warned about: a root in use with one unsync descendant is not",
    apply: (ops) => ({
      __kvm_mmu_prepare_zap_page(kvm, sp, invalid_list) {
        const prepared = ops.__kvm_mmu_prepare_zap_page(kvm, sp, invalid_list);
        return { ...prepared, list_unstable: prepared.nr_zapped > 1 };
      },
    }),
  },
  "goes-on-after-the-warning": {
    title: "the walk trusts the next pointer after it has warned",
    apply: afterEachPage(({ step, dropped }) => (step === "restart" && !dropped ? "next" : step)),
  },
  "gives-up-after-the-warning": {
    title: "the walk ends where it has warned",
    apply: afterEachPage(({ step, dropped }) => (step === "restart" && !dropped ? "stop" : step)),
  },
  "warns-instead-of-zapping": {
    title: "a flagged page with unsync descendants is left alone",
    apply: (ops) => {
      const broken = (sp: ShadowPage): boolean => sp.mmio_cached && sp.unsync_children > 0;
      return {
        ...passingOver((sp, walk) => walk === WALK && broken(sp))(ops, ops),
        ...before((kvm) => {
          if ([...kvm.active_mmu_pages.newestFirst()].some(broken)) warnOnce(kvm, WALK);
        })(ops, ops),
      };
    },
  },
});
