import { prepare_zap_oldest_mmu_page } from "../kernel/budget.ts";
import { kvm_mmu_commit_zap_page } from "../kernel/free.ts";
import { spin_lock, spin_unlock } from "../machine/mmu-lock.ts";
import { PageList } from "../machine/page-list.ts";
import { patch } from "../patch.ts";

export const noZappedObsoleteList = patch({
  number: 16,
  title: 'Revert "KVM: MMU: reclaim the zapped-obsolete page first"',
  kinds: ["behaviour"],
  commit: "52d5dedc79bdcbac2976159a172069618cf31be5",
  requires: {},
  removes: ["kvm_has_zapped_obsolete_pages"],
  apply: (below) => ({
    kvm_zap_obsolete_pages: (kvm) => below.kvm_zap_obsolete_pages(kvm, new PageList()),

    *mmu_shrink_scan(kvm) {
      if (kvm.n_used_mmu_pages === 0) return 0;
      const section = kvm.srcu.srcu_read_lock();
      const invalid_list = new PageList();
      yield* spin_lock(kvm);
      const freed = prepare_zap_oldest_mmu_page(kvm, invalid_list) ? 1 : 0;
      kvm_mmu_commit_zap_page(kvm, invalid_list);
      spin_unlock(kvm);
      kvm.srcu.srcu_read_unlock(section);
      return freed;
    },
  }),
});
