import { patch } from "../patch.ts";

export const slotLevelHelpers = patch({
  number: 9,
  title: "KVM: x86/mmu: Move slot_level_*() helper functions up a few lines",
  kinds: ["refactor"],
  requires: {},
  place: {
    slot_handle_level_range: "kvm_mmu_invalidate_zap_pages_in_memslot",
    slot_handle_level: "kvm_mmu_invalidate_zap_pages_in_memslot",
    slot_handle_all_level: "kvm_mmu_invalidate_zap_pages_in_memslot",
    slot_handle_large_level: "kvm_mmu_invalidate_zap_pages_in_memslot",
    slot_handle_leaf: "kvm_mmu_invalidate_zap_pages_in_memslot",
  },
  apply: () => ({}),
});
