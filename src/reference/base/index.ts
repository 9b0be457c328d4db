import { archOfChangedSlot } from "./archOfChangedSlot.ts";
import { BATCH_ZAP_PAGES } from "./BATCH_ZAP_PAGES.ts";
import { KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS } from "./KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS.ts";
import { KVM_MMU_PAGE_PRINTK } from "./KVM_MMU_PAGE_PRINTK.ts";
import { MMIO_GEN_MASK } from "./MMIO_GEN_MASK.ts";
import { MMIO_GEN_WIDTH } from "./MMIO_GEN_WIDTH.ts";
import { beforeLockBreak } from "./beforeLockBreak.ts";
import { check_mmio_spte } from "./check_mmio_spte.ts";
import { declared } from "./declared.ts";
import { for_each_valid_sp } from "./for_each_valid_sp.ts";
import { generation_mmio_spte_mask } from "./generation_mmio_spte_mask.ts";
import { get_mmio_spte_generation } from "./get_mmio_spte_generation.ts";
import { install_new_memslots } from "./install_new_memslots.ts";
import { is_obsolete_sp } from "./is_obsolete_sp.ts";
import { kvm_arch_flush_shadow_all } from "./kvm_arch_flush_shadow_all.ts";
import { kvm_arch_memslots_updated } from "./kvm_arch_memslots_updated.ts";
import { kvm_create_vm } from "./kvm_create_vm.ts";
import { kvm_current_mmio_generation } from "./kvm_current_mmio_generation.ts";
import { kvm_has_zapped_obsolete_pages } from "./kvm_has_zapped_obsolete_pages.ts";
import { kvm_mmu_flush_or_zap } from "./kvm_mmu_flush_or_zap.ts";
import { kvm_mmu_invalidate_mmio_sptes } from "./kvm_mmu_invalidate_mmio_sptes.ts";
import { kvm_mmu_invalidate_zap_all_pages } from "./kvm_mmu_invalidate_zap_all_pages.ts";
import { kvm_mmu_invalidate_zap_pages_in_memslot } from "./kvm_mmu_invalidate_zap_pages_in_memslot.ts";
import { kvm_mmu_prepare_zap_page } from "./kvm_mmu_prepare_zap_page.ts";
import { kvm_zap_obsolete_pages } from "./kvm_zap_obsolete_pages.ts";
import { mark_mmio_spte } from "./mark_mmio_spte.ts";
import { mmioCacheGeneration } from "./mmioCacheGeneration.ts";
import { mmuDocument } from "./mmuDocument.ts";
import { mmu_shrink_scan } from "./mmu_shrink_scan.ts";
import { set_mmio_spte } from "./set_mmio_spte.ts";
import { slot_handle_all_level } from "./slot_handle_all_level.ts";
import { slot_handle_large_level } from "./slot_handle_large_level.ts";
import { slot_handle_leaf } from "./slot_handle_leaf.ts";
import { slot_handle_level } from "./slot_handle_level.ts";
import { slot_handle_level_range } from "./slot_handle_level_range.ts";
import { traceInvalidateZapAllPages } from "./traceInvalidateZapAllPages.ts";
import { tracepoints } from "./tracepoints.ts";
import { vcpu_cache_mmio_info } from "./vcpu_cache_mmio_info.ts";
import { walkPages } from "./walkPages.ts";
import { zapForMmioWrap } from "./zapForMmioWrap.ts";
import { zappedRootNeedsReload } from "./zappedRootNeedsReload.ts";

/**
 * What the series touches, as it stands in Linux v5.0, in the order of the kernel's files. Names in
 * snake case are the kernel's; names in camel case are seams: an expression inside a kernel
 * function that a patch replaces, given a name so that the patch need not repeat the function.
 */
export const base = {
  // virt/kvm/kvm_main.c, arch/*/kvm, arch/x86/kvm/x86.c
  kvm_create_vm,
  archOfChangedSlot,
  install_new_memslots,
  kvm_arch_memslots_updated,
  kvm_arch_flush_shadow_all,
  // linux/kvm_host.h, arch/x86/kvm/x86.h
  KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS,
  mmioCacheGeneration,
  vcpu_cache_mmio_info,
  // arch/x86/kvm/mmutrace.h
  tracepoints,
  KVM_MMU_PAGE_PRINTK,
  traceInvalidateZapAllPages,
  // arch/x86/kvm/mmu.c
  MMIO_GEN_WIDTH,
  MMIO_GEN_MASK,
  generation_mmio_spte_mask,
  get_mmio_spte_generation,
  kvm_current_mmio_generation,
  mark_mmio_spte,
  set_mmio_spte,
  check_mmio_spte,
  for_each_valid_sp,
  kvm_mmu_flush_or_zap,
  is_obsolete_sp,
  zappedRootNeedsReload,
  kvm_mmu_prepare_zap_page,
  kvm_mmu_invalidate_zap_pages_in_memslot,
  slot_handle_level_range,
  slot_handle_level,
  slot_handle_all_level,
  slot_handle_large_level,
  slot_handle_leaf,
  beforeLockBreak,
  walkPages,
  BATCH_ZAP_PAGES,
  kvm_zap_obsolete_pages,
  kvm_mmu_invalidate_zap_all_pages,
  kvm_has_zapped_obsolete_pages,
  zapForMmioWrap,
  kvm_mmu_invalidate_mmio_sptes,
  mmu_shrink_scan,
  // Documentation/virtual/kvm/mmu.txt; names that a kernel declares
  mmuDocument,
  declared,
};
