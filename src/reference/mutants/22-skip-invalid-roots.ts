import { kvm_reload_remote_mmus } from "../kernel/flush.ts";
import { kvm_mmu_commit_zap_page } from "../kernel/free.ts";
import type { Kvm } from "../machine/kvm.ts";
import { spin_lock, spin_unlock } from "../machine/mmu-lock.ts";
import { PageList } from "../machine/page-list.ts";
import type { ShadowPage } from "../machine/shadow-page.ts";
import type { Step } from "../base/walkPages.ts";
import { type Mutant, mutantsOf, without } from "./mutant.ts";

/**
 * The walk of the patch with another test. @param test what to do with a page at once, or null:
 * prepare it.
 */
const zapAll =
  (test: (sp: ShadowPage, kvm: Kvm) => Step | null) => (): ReturnType<Mutant["apply"]> => ({
    *kvm_mmu_zap_all(kvm) {
      const invalid_list = new PageList();
      yield* spin_lock(kvm);
      yield* kvm.ops.walkPages(kvm, "kvm_mmu_zap_all", "newest-first", function* (sp) {
        const skipped = test(sp, kvm);
        if (skipped !== null) return skipped;
        const zapped = kvm.ops.kvm_mmu_prepare_zap_page(kvm, sp, invalid_list);
        return zapped > 0 ? "restart" : "next";
      });
      kvm_mmu_commit_zap_page(kvm, invalid_list);
      spin_unlock(kvm);
    },
  });

const inUse = (sp: ShadowPage): boolean => sp.invalid && sp.root_count > 0;

// Equivalent, and so no mutant: to ask only whether the page is invalid. An invalid page on the
// active list is a root in use, because any other one went on a list to be freed when it was
// prepared.
export const mutants22 = mutantsOf(22, {
  "not-skipped": {
    title: "nothing is skipped: the patch is left out",
    apply: without("kvm_mmu_zap_all"),
  },
  "valid-roots-skipped": {
    title: "every root in use is skipped, whether it was zapped or not",
    apply: zapAll((sp) => (sp.root_count > 0 ? "next" : null)),
  },
  "invalid-test-inverted": {
    title: "the roots that are still valid are skipped",
    apply: zapAll((sp) => (!sp.invalid && sp.root_count > 0 ? "next" : null)),
  },
  "ends-the-walk": {
    title: "an invalid root ends the walk instead of being passed by",
    apply: zapAll((sp) => (inUse(sp) ? "stop" : null)),
  },
  "level-four-only": {
    title: "a root is recognised by its level, so PAE roots are not",
    apply: zapAll((sp) => (inUse(sp) && sp.role.level === 4 ? "next" : null)),
  },
  "pae-only": {
    title: "only PAE roots are skipped",
    apply: zapAll((sp) => (inUse(sp) && sp.role.level === 2 ? "next" : null)),
  },
  "direct-only": {
    title: "an invalid root that shadows a guest page table is not skipped",
    apply: zapAll((sp) => (inUse(sp) && sp.role.direct ? "next" : null)),
  },
  "normal-address-space-only": {
    title: "an invalid root of a vCPU in SMM is not skipped",
    apply: zapAll((sp) => (inUse(sp) && !sp.role.smm ? "next" : null)),
  },
  "one-user-only": {
    title: "an invalid root that several vCPUs use is not skipped",
    apply: zapAll((sp) => (sp.invalid && sp.root_count === 1 ? "next" : null)),
  },
  "reload-when-skipped": {
    title: "skipping a root asks all vCPUs to reload once more",
    apply: zapAll((sp, kvm) => {
      if (!inUse(sp)) return null;
      kvm_reload_remote_mmus(kvm);
      return "next";
    }),
  },
});
