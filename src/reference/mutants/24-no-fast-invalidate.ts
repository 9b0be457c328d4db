import type { Task } from "../machine/thread.ts";
import { mutantsOf, without } from "./mutant.ts";

function* nothing(): Task<void> {
  // its only call went with the fast invalidate
}

// Equivalent, and so no mutants: the number itself left in struct kvm_arch and in the pages, raised
// or not (nothing compares it any more), and for_each_valid_sp left as it was with is_obsolete_sp
// gone (it would not build). The batch constant has no user since 18, which takes it away.
export const mutants24 = mutantsOf(24, {
  "invalidate-left": {
    title: "kvm_mmu_invalidate_zap_all_pages stays, without a caller",
    apply: without("kvm_mmu_invalidate_zap_all_pages"),
  },
  "obsolete-walk-left": {
    title: "kvm_zap_obsolete_pages stays, without a caller",
    apply: without("kvm_zap_obsolete_pages"),
  },
  "obsolete-test-left": {
    title: "the hash walk still asks whether a page is obsolete",
    apply: without("is_obsolete_sp", "for_each_valid_sp"),
  },
  "teardown-goes-with-it": {
    title: "kvm_arch_flush_shadow_all loses its call and does nothing",
    apply: () => ({ kvm_arch_flush_shadow_all: nothing }),
  },
  "wrap-goes-with-it": {
    title: "a generation wrap drops nothing any more",
    apply: () => ({ zapForMmioWrap: nothing }),
  },
  "slot-flush-goes-with-it": {
    title: "the memslot flush handler does nothing any more",
    apply: () => ({ kvm_mmu_invalidate_zap_pages_in_memslot: nothing }),
  },
  "invalid-pages-found": {
    title: "the hash walk loses both tests: it finds pages that were zapped",
    apply: () => ({
      *for_each_valid_sp(kvm, gfn) {
        yield* kvm.mmu_page_hash.of(gfn);
      },
    }),
  },
  "invalid-test-inverted": {
    title: "the hash walk finds the zapped pages only",
    apply: () => ({
      *for_each_valid_sp(kvm, gfn) {
        for (const sp of kvm.mmu_page_hash.of(gfn)) if (sp.invalid) yield sp;
      },
    }),
  },
  "first-page-only": {
    title: "the hash walk ends at the first page of the gfn",
    apply: () => ({
      *for_each_valid_sp(kvm, gfn) {
        const [sp] = kvm.mmu_page_hash.of(gfn);
        if (sp !== undefined && !sp.invalid) yield sp;
      },
    }),
  },
});
