import { kvm_flush_remote_tlbs } from "../kernel/flush.ts";
import { kvm_mmu_commit_zap_page } from "../kernel/free.ts";
import { erratum } from "../patch.ts";

export const invertedListTest = erratum({
  id: "E6",
  kind: "slip",
  title: "the new helper of patch 10 bails out on the wrong side",
  affects: (has) => has(10),
  apply: () => ({
    // With pages on the list and no remote flush asked it does nothing; with nothing to do it
    // flushes.
    kvm_mmu_remote_flush_or_zap(kvm, invalid_list, remote_flush) {
      if (!remote_flush && !invalid_list.isEmpty) return false;
      if (!invalid_list.isEmpty) kvm_mmu_commit_zap_page(kvm, invalid_list);
      else kvm_flush_remote_tlbs(kvm, "kvm_mmu_remote_flush_or_zap");
      return true;
    },
  }),
});
