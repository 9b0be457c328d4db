import { kvm_mmu_commit_zap_page } from "../kernel/free.ts";
import { spin_lock, spin_unlock } from "../machine/mmu-lock.ts";
import { PageList } from "../machine/page-list.ts";
import { patch } from "../patch.ts";

export const skipInvalidRoots = patch({
  number: 22,
  title: "KVM: x86/mmu: skip over invalid root pages when zapping all sptes",
  kinds: ["behaviour"],
  requires: { 21: "the walk that skips is 21's" },
  apply: () => ({
    *kvm_mmu_zap_all(kvm) {
      const { ops } = kvm;
      const invalid_list = new PageList();
      yield* spin_lock(kvm);
      yield* ops.walkPages(kvm, "kvm_mmu_zap_all", "newest-first", function* (sp) {
        if (sp.invalid && sp.root_count > 0) return "next";
        return ops.kvm_mmu_prepare_zap_page(kvm, sp, invalid_list) > 0 ? "restart" : "next";
      });
      kvm_mmu_commit_zap_page(kvm, invalid_list);
      spin_unlock(kvm);
    },
  }),
});
