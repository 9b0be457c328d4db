import { patch } from "../patch.ts";

export const noFastInvalidate = patch({
  number: 24,
  title: 'Revert "KVM: MMU: fast invalidate all pages"',
  kinds: ["interface", "refactor"],
  requires: {
    13: "without it a generation wrap still calls the fast invalidate",
    15: "without it zapping a root in use still asks whether it is obsolete",
    19: "without it a tracepoint still reads the number that goes",
    20: "without it the other tracepoints still print the number that goes",
    21: "without it the teardown still calls the fast invalidate",
  },
  removes: [
    "is_obsolete_sp",
    "kvm_zap_obsolete_pages",
    "kvm_mmu_invalidate_zap_all_pages",
    "traceInvalidateZapAllPages",
  ],
  apply: (_below, has) => ({
    *for_each_valid_sp(kvm, gfn) {
      for (const sp of kvm.mmu_page_hash.of(gfn)) if (!sp.invalid) yield sp;
    },

    // Without 11 a removed slot still takes everything with it, by 21's walk: Linux 5.2.11.
    ...(!has(11) && {
      *kvm_mmu_invalidate_zap_pages_in_memslot(kvm) {
        yield* kvm.ops.kvm_mmu_zap_all(kvm);
      },
    }),
  }),
});
