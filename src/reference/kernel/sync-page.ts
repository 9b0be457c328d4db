import { PT64_ENT_PER_PAGE } from "../machine/constants.ts";
import type { ShadowPage } from "../machine/shadow-page.ts";
import { is_host_writable_pte, spte_to_pfn } from "../machine/spte.ts";
import type { Vcpu } from "../machine/vcpu.ts";
import { kvm_flush_remote_tlbs } from "./flush.ts";
import { get_mmio_spte_gfn } from "./mmio-spte.ts";
import {
  gpte_access,
  gpte_to_gfn,
  gpteAccessed,
  is_present_gpte,
  protect_clean_gpte,
  readGpte,
} from "./guest-walk.ts";
import { drop_spte } from "./links.ts";
import { set_spte, SET_SPTE_NEED_REMOTE_TLB_FLUSH } from "./map.ts";

/**
 * Brings an indirect level 1 page into step with its guest page table: entries whose guest entry
 * went away or points elsewhere are dropped, the others get its permissions (paging64_sync_page,
 * arch/x86/kvm/paging_tmpl.h).
 * @returns how many entries are left; 0 also when the table cannot be read.
 */
export function sync_page(vcpu: Vcpu, sp: ShadowPage): number {
  const { kvm } = vcpu;
  let present = 0;
  let flush = false;
  for (let index = 0; index < PT64_ENT_PER_PAGE; index++) {
    if (sp.spt.isZero(index)) continue;
    const gpte = readGpte(vcpu, sp.gfn, index);
    if (gpte === null) return 0;
    if (!is_present_gpte(gpte) || !gpteAccessed(gpte)) {
      drop_spte(kvm, sp, index);
      kvm.tlbs_dirty = true;
      continue;
    }
    const gfn = gpte_to_gfn(gpte);
    const access = protect_clean_gpte(sp.role.access & gpte_access(gpte), gpte);
    if (kvm.masks.is_mmio_spte(sp, index)) {
      const same = get_mmio_spte_gfn(kvm, sp.spt.raw(index)) === gfn;
      sp.spt.clear(index);
      if (!same) continue;
      kvm.ops.mark_mmio_spte(vcpu, sp, index, gfn, access);
      present++;
      continue;
    }
    if (sp.gfns?.[index] !== gfn) {
      drop_spte(kvm, sp, index);
      kvm.tlbs_dirty = true;
      continue;
    }
    present++;
    const leaf = {
      access,
      gfn,
      pfn: spte_to_pfn(sp, index),
      speculative: true,
      host_writable: is_host_writable_pte(sp, index),
    };
    if (set_spte(vcpu, sp, index, leaf, false) & SET_SPTE_NEED_REMOTE_TLB_FLUSH) flush = true;
  }
  if (flush) kvm_flush_remote_tlbs(kvm, "sync_page");
  return present;
}
