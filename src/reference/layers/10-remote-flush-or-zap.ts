import { kvm_flush_remote_tlbs, requestLocalFlush } from "../kernel/flush.ts";
import { kvm_mmu_commit_zap_page } from "../kernel/free.ts";
import { patch } from "../patch.ts";

export const remoteFlushOrZap = patch({
  number: 10,
  title: "KVM: x86/mmu: Split remote_flush+zap case out of kvm_mmu_flush_or_zap()",
  kinds: ["interface", "refactor"],
  commit: "a21136345cb6f",
  requires: {},
  place: { kvm_mmu_remote_flush_or_zap: "kvm_mmu_flush_or_zap" },
  apply: () => ({
    kvm_mmu_remote_flush_or_zap(kvm, invalid_list, remote_flush) {
      if (!remote_flush && invalid_list.isEmpty) return false;
      if (!invalid_list.isEmpty) kvm_mmu_commit_zap_page(kvm, invalid_list);
      else kvm_flush_remote_tlbs(kvm, "kvm_mmu_remote_flush_or_zap");
      return true;
    },

    kvm_mmu_flush_or_zap(vcpu, invalid_list, remote_flush, local_flush) {
      if (vcpu.kvm.ops.kvm_mmu_remote_flush_or_zap(vcpu.kvm, invalid_list, remote_flush)) return;
      if (local_flush) requestLocalFlush(vcpu);
    },
  }),
});
