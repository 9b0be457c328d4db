import { kvm_reload_remote_mmus } from "../kernel/flush.ts";
import { mutantsOf, without } from "./mutant.ts";

export const mutants15 = mutantsOf(15, {
  "obsolete-test-kept": {
    title: "an obsolete root is still zapped in silence",
    apply: without("zappedRootNeedsReload"),
  },
  "wrong-half-removed": {
    title: "the test for an invalid root goes, the one for an obsolete root stays",
    apply: (ops) => ({ zappedRootNeedsReload: (kvm, sp) => !ops.is_obsolete_sp(kvm, sp) }),
  },
  "condition-inverted": {
    title: "only an obsolete root asks",
    apply: (ops) => ({
      zappedRootNeedsReload: (kvm, sp) => !sp.invalid && ops.is_obsolete_sp(kvm, sp),
    }),
  },
  "whole-condition-removed": {
    title: "a root that is invalid already asks again",
    apply: () => ({ zappedRootNeedsReload: () => true }),
  },
  "request-removed": {
    title: "a zapped root never asks",
    apply: () => ({ zappedRootNeedsReload: () => false }),
  },
  "one-request-a-user": {
    title: "a zapped root asks once for each vCPU that uses it",
    apply: (ops) => ({
      zappedRootNeedsReload(kvm, sp) {
        if (!ops.zappedRootNeedsReload(kvm, sp)) return false;
        for (let user = 1; user < sp.root_count; user++) kvm_reload_remote_mmus(kvm);
        return true;
      },
    }),
  },
  "not-while-a-request-is-pending": {
    title: "a zapped root does not ask when every vCPU has been asked and has not come round to it",
    apply: (ops) => ({
      zappedRootNeedsReload: (kvm, sp) =>
        ops.zappedRootNeedsReload(kvm, sp) &&
        kvm.vcpus.some(({ requests }) => !requests.has("MMU_RELOAD")),
    }),
  },
  "direct-roots-only": {
    title: "a root of shadowed guest tables is still zapped in silence",
    apply: (ops, below) => ({
      zappedRootNeedsReload: (kvm, sp) =>
        (sp.role.direct ? ops : below).zappedRootNeedsReload(kvm, sp),
    }),
  },
  "hash-walk-changed-too": {
    title: "a lookup by gfn finds obsolete pages, as it should not before patch 24",
    apply: () => ({
      *for_each_valid_sp(kvm, gfn) {
        for (const sp of kvm.mmu_page_hash.of(gfn)) if (!sp.invalid) yield sp;
      },
    }),
  },
  "obsolete-test-gone-everywhere": {
    title: "no page counts as obsolete any more, so the fast invalidate zaps nothing",
    apply: () => ({ is_obsolete_sp: () => false }),
  },
});
