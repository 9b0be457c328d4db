import { spin_lock, spin_unlock } from "../machine/mmu-lock.ts";
import { PageList } from "../machine/page-list.ts";
import type { ShadowPage } from "../machine/shadow-page.ts";
import { is_writable_pte, spte_to_pfn } from "../machine/spte.ts";
import type { Task } from "../machine/thread.ts";
import type { Vcpu } from "../machine/vcpu.ts";
import { GPTE_SIZE, readGpte } from "./guest-walk.ts";
import { mmu_page_zap_pte } from "./links.ts";
import { prefetch_gpte } from "./shadow-fault.ts";
import { indirectValidPages } from "./write-tracking.ts";

/**
 * Writes to a page above level 1 without a fault through it in between, from which on it is zapped.
 */
const WRITE_FLOODING = 3;

/**
 * The guest wrote to a shadowed guest page table and the write was emulated (arch/x86/kvm/mmu.c):
 * the entry written is dropped and, at level 1, mapped anew; a page that is written misaligned or
 * too often is zapped.
 * @param offset of the write in the table; @param size its length; both in bytes.
 */
export function* kvm_mmu_pte_write(
  vcpu: Vcpu,
  gfn: number,
  offset: number,
  size: number,
): Task<void> {
  const { kvm } = vcpu;
  if (kvm.indirect_shadow_pages === 0) return;
  yield* spin_lock(kvm);
  const invalid_list = new PageList();
  let remote_flush = false;
  let local_flush = false;
  // Two halves of an entry may be written one by one; the whole entry counts.
  const halfEntry = size === GPTE_SIZE / 2;
  const at = halfEntry ? offset - (offset % GPTE_SIZE) : offset;
  const length = halfEntry ? GPTE_SIZE : size;
  const index = Math.floor(at / GPTE_SIZE);

  for (const sp of indirectValidPages(kvm, gfn)) {
    if (detect_write_misaligned(at, length) || detect_write_flooding(sp)) {
      kvm.ops.kvm_mmu_prepare_zap_page(kvm, sp, invalid_list);
      continue;
    }
    local_flush = true;
    const old = presentEntry(vcpu, sp, index);
    mmu_page_zap_pte(kvm, sp, index);
    const gpte = length === GPTE_SIZE ? readGpte(vcpu, gfn, index) : null;
    const sameMode = vcpu.pagingShadowed && sp.role.smm === vcpu.smm;
    if (sp.role.level === 1 && gpte !== null && gpte !== 0n && sameMode) {
      prefetch_gpte(vcpu, sp, index, gpte, false);
    }
    if (need_remote_flush(old, presentEntry(vcpu, sp, index))) remote_flush = true;
  }
  kvm.ops.kvm_mmu_flush_or_zap(vcpu, invalid_list, remote_flush, local_flush);
  spin_unlock(kvm);
}

interface PresentEntry {
  readonly frame: number;
  readonly writable: boolean;
}

function presentEntry(vcpu: Vcpu, sp: ShadowPage, index: number): PresentEntry | null {
  if (!vcpu.kvm.masks.is_shadow_present_pte(sp, index)) return null;
  return { frame: spte_to_pfn(sp, index), writable: is_writable_pte(sp, index) };
}

/** Whether other vCPUs may hold a translation that the new entry does not allow. */
function need_remote_flush(old: PresentEntry | null, now: PresentEntry | null): boolean {
  if (old === null) return false;
  const same = now?.frame === old.frame;
  return !same || (old.writable && !now.writable);
}

/** Counts a write; level 1 pages are not counted, they can go unsync. */
function detect_write_flooding(sp: ShadowPage): boolean {
  if (sp.role.level === 1) return false;
  sp.write_flooding_count++;
  return sp.write_flooding_count >= WRITE_FLOODING;
}

/**
 * A write that is no whole entry: the page is hardly a page table. One byte at an entry's start is
 * let pass.
 */
function detect_write_misaligned(offset: number, size: number): boolean {
  if (offset % GPTE_SIZE === 0 && size === 1) return false;
  const crosses = Math.floor(offset / GPTE_SIZE) !== Math.floor((offset + size - 1) / GPTE_SIZE);
  return crosses || size < 4;
}
