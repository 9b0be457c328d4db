import { kvm_mmu_commit_zap_page } from "../kernel/free.ts";
import { spin_lock, spin_unlock } from "../machine/mmu-lock.ts";
import { PageList } from "../machine/page-list.ts";
import { patch } from "../patch.ts";

export const teardownZapsAll = patch({
  number: 21,
  title: 'Revert "KVM: x86: use the fast way to invalidate all pages"',
  kinds: ["behaviour"],
  commit: "7390de1e99a70895721165d0ccd4a6e16482960a",
  requires: {},
  place: { kvm_mmu_zap_all: "zapForMmioWrap" },
  apply: () => ({
    *kvm_mmu_zap_all(kvm) {
      const { ops } = kvm;
      const invalid_list = new PageList();
      yield* spin_lock(kvm);
      yield* ops.walkPages(kvm, "kvm_mmu_zap_all", "newest-first", function* (sp) {
        return ops.kvm_mmu_prepare_zap_page(kvm, sp, invalid_list) > 0 ? "restart" : "next";
      });
      kvm_mmu_commit_zap_page(kvm, invalid_list);
      spin_unlock(kvm);
    },

    *kvm_arch_flush_shadow_all(kvm) {
      yield* kvm.ops.kvm_mmu_zap_all(kvm);
    },
  }),
});
