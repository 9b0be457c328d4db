import type { Override } from "../compose.ts";
import type { Prepared } from "../operations.ts";
import type { ShadowPage } from "../machine/shadow-page.ts";
import { afterEachPage } from "./13-zap-mmio-sptes.ts";
import { mutantsOf, without } from "./mutant.ts";

/** Another answer to whether the list is unstable; `wasUnsync` is the page's state before. */
const unstable =
  (
    answer: (prepared: Prepared, sp: ShadowPage, wasUnsync: boolean) => boolean,
  ): Override["apply"] =>
  (ops) => ({
    __kvm_mmu_prepare_zap_page(kvm, sp, invalid_list) {
      const wasUnsync = sp.unsync;
      const prepared = ops.__kvm_mmu_prepare_zap_page(kvm, sp, invalid_list);
      return { ...prepared, list_unstable: answer(prepared, sp, wasUnsync) };
    },
  });

/** Another return value of the function that keeps the old name. */
const returned =
  (answer: (prepared: Prepared, sp: ShadowPage) => boolean): Override["apply"] =>
  (ops) => ({
    kvm_mmu_prepare_zap_page: (kvm, sp, invalid_list) =>
      answer(ops.__kvm_mmu_prepare_zap_page(kvm, sp, invalid_list), sp) ? 1 : 0,
  });

// Without kvm_mmu_prepare_zap_page it returns a count as before: equivalent, since all callers
// compare it with 0. Without __kvm_mmu_prepare_zap_page the kernel does not build: the walks call
// it.
export const mutants25 = mutantsOf(25, {
  "mmio-walk-left-out": {
    title: "a wrap still starts again after every zapped page",
    apply: without("kvm_mmu_zap_mmio_sptes"),
  },
  "teardown-left-out": {
    title: "a teardown still starts again after every zapped page",
    apply: without("kvm_mmu_zap_all"),
  },
  "unstable-when-anything-was-zapped": {
    title: "the two answers are one: the page itself makes the list unstable",
    apply: unstable(({ nr_zapped }) => nr_zapped > 0),
  },
  "never-unstable": {
    title: "the walk trusts the next pointer after unsync descendants have gone",
    apply: unstable(() => false),
  },
  "unstable-when-more-than-one-was-zapped": {
    title: "a root in use, which does not count itself, hides one unsync descendant",
    apply: unstable(({ nr_zapped }) => nr_zapped > 1),
  },
  "unstable-when-a-page-stays": {
    title: "a root in use makes the list unstable because it moves to the head",
    apply: unstable(({ list_unstable }, sp) => list_unstable || sp.root_count > 0),
  },
  "unstable-when-the-page-is-unsync": {
    title: "an unsync page counts as its own descendant",
    apply: unstable(({ list_unstable }, _sp, wasUnsync) => list_unstable || wasUnsync),
  },
  "returns-list-unstable": {
    title: "kvm_mmu_prepare_zap_page hands out the wrong one of the two answers",
    apply: returned(({ list_unstable }) => list_unstable),
  },
  "returns-whether-the-page-itself-went": {
    title: "kvm_mmu_prepare_zap_page does not count descendants",
    apply: returned((_prepared, sp) => sp.root_count === 0),
  },
  "goes-on-after-a-break": {
    title: "the walks trust the next pointer after they have dropped the lock",
    apply: afterEachPage(({ step, dropped }) => (dropped ? "next" : step)),
  },
  "stops-when-unstable": {
    title: "the walks end where the list has become unstable",
    apply: afterEachPage(({ step, dropped }) => (step === "restart" && !dropped ? "stop" : step)),
  },
});
