import { patch } from "../patch.ts";

export const noInvalidateAllTracepoint = patch({
  number: 19,
  title: 'Revert "KVM: MMU: add tracepoint for kvm_mmu_invalidate_all_pages"',
  kinds: ["trace"],
  commit: "42560fb1f3c6c7f730897b7fa7a478bc37e0be50",
  requires: {},
  apply: (below) => {
    const { kvm_mmu_invalidate_zap_all_pages: _gone, ...tracepoints } = below.tracepoints;
    return { tracepoints, traceInvalidateZapAllPages: () => undefined };
  },
});
