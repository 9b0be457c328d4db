import { zapRmap } from "../kernel/links.ts";
import {
  cond_resched_lock,
  need_resched_or_break,
  spin_lock,
  spin_unlock,
} from "../machine/mmu-lock.ts";
import { PageList } from "../machine/page-list.ts";
import type { Rmap } from "../machine/rmap.ts";
import { patch } from "../patch.ts";

export const zapOnlyTheSlot = patch({
  number: 11,
  title: "KVM: x86/mmu: Zap only the relevant pages when removing a memslot",
  kinds: ["behaviour"],
  commit: "4e103134b862314dc2f2f18f2fb0ab972adc3f5f",
  requires: {
    9: "the slot helpers are called, which 09 moves above the caller",
    10: "the last call is to 10's kvm_mmu_remote_flush_or_zap",
  },
  apply: () => ({
    *kvm_mmu_invalidate_zap_pages_in_memslot(kvm, slot) {
      const { ops } = kvm;
      const invalid_list = new PageList();

      // LOCK
      yield* spin_lock(kvm);
      if (!kvm.active_mmu_pages.isEmpty) {
        // ZAP the leaf entries that map the slot, at every level
        const zap = (rmap: Rmap, index: number): boolean => zapRmap(kvm, rmap, index);
        let flush = yield* ops.slot_handle_all_level(kvm, slot, zap, false);

        // ZAP the pages whose own gfn is in the slot: guest page tables and direct pages that start
        // there
        for (let gfn = slot.base_gfn; gfn < slot.base_gfn + slot.npages; gfn++) {
          for (const sp of ops.for_each_valid_sp(kvm, gfn)) {
            ops.kvm_mmu_prepare_zap_page(kvm, sp, invalid_list);
          }
          if (!need_resched_or_break(kvm)) continue;
          ops.kvm_mmu_remote_flush_or_zap(kvm, invalid_list, flush);
          flush = false;
          yield* cond_resched_lock(kvm);
        }

        // FLUSH
        ops.kvm_mmu_remote_flush_or_zap(kvm, invalid_list, flush);
      }

      // UNLOCK
      spin_unlock(kvm);
    },
  }),
});
