import { childTable } from "./kernel/links.ts";
import { slotForRole } from "./kernel/slots.ts";
import { PT64_ENT_PER_PAGE } from "./machine/constants.ts";
import type { Kvm } from "./machine/kvm.ts";
import { gfn_to_index, hostPage, visible } from "./machine/memslots.ts";
import { kvm_mmu_page_get_gfn, pointerTo, type ShadowPage } from "./machine/shadow-page.ts";
import { is_last_spte, is_writable_pte, spte_to_pfn } from "./machine/spte.ts";
import type { Vcpu } from "./machine/vcpu.ts";
import { walkToLeaf } from "./kernel/walk.ts";

/**
 * What must be true of a VM whenever nobody is in the middle of something: page tables, reverse
 * maps, lists, counts and TLBs agree with each other and with the memslots.
 * @returns what is not, each as one sentence.
 */
export function audit(kvm: Kvm): string[] {
  const findings: string[] = [];
  const report = (finding: string): void => void findings.push(finding);
  auditCounts(kvm, report);
  for (const sp of kvm.active_mmu_pages.newestFirst()) auditPage(kvm, sp, report);
  auditRmaps(kvm, report);
  findings.push(...auditTlbs(kvm));
  return findings;
}

/**
 * What vCPUs may still use and the tables or the host no longer allow; this must be nothing
 * whenever mmu_lock is free. @returns each as one sentence.
 */
export function auditTlbs(kvm: Kvm): string[] {
  const findings: string[] = [];
  for (const vcpu of kvm.vcpus) auditTlb(vcpu, (finding) => void findings.push(finding));
  return findings;
}

type Report = (finding: string) => void;

const name = (sp: ShadowPage): string =>
  `shadow page ${sp.id} (gfn 0x${sp.gfn.toString(16)} level ${sp.role.level})`;

function auditCounts(kvm: Kvm, report: Report): void {
  const { length } = kvm.active_mmu_pages;
  if (kvm.n_used_mmu_pages !== length) {
    report(`${kvm.n_used_mmu_pages} pages count as used, ${length} are on the active list`);
  }
  const pending = kvm.zapped_obsolete_pages.length;
  const alive = kvm.counters.pages_allocated - kvm.counters.pages_freed;
  if (alive !== length + pending) report(`${alive - length - pending} shadow pages are leaked`);
  if (kvm.mmu_lock.held) report("mmu_lock is held");
  if (kvm.slots_lock) report("slots_lock is held");
  const generations = new Set(kvm.memslots.map(({ generation }) => generation));
  if (generations.size < kvm.memslots.length) report("two address spaces have the same generation");
}

/** A page's entries, parents and place in the hash. */
function auditPage(kvm: Kvm, sp: ShadowPage, report: Report): void {
  if (!kvm.mmu_page_hash.of(sp.gfn).includes(sp)) report(`${name(sp)} is not in the hash`);
  for (const { sp: parent, index } of sp.parent_ptes) {
    if (childTable(kvm, parent, index) !== sp)
      report(`a parent of ${name(sp)} does not point to it`);
  }
  if (sp.unsync) {
    const marked = sp.parent_ptes.every(({ sp: parent, index }) =>
      parent.unsync_child_bitmap?.has(index),
    );
    if (!marked) report(`a parent of ${name(sp)} does not know that it is unsync`);
  }
  for (let index = 0; index < PT64_ENT_PER_PAGE; index++) {
    if (!sp.spt.isZero(index)) auditEntry(kvm, sp, index, report);
  }
}

function auditEntry(kvm: Kvm, sp: ShadowPage, index: number, report: Report): void {
  const { masks } = kvm;
  if (!masks.is_shadow_present_pte(sp, index)) return;
  if (!is_last_spte(sp, index)) {
    const child = kvm.page_header(spte_to_pfn(sp, index));
    const known = child.parent_ptes.some((parent) => parent.sp === sp && parent.index === index);
    if (!known) report(`${name(child)} does not know its parent ${name(sp)}`);
    return;
  }
  const gfn = kvm_mmu_page_get_gfn(sp, index);
  const where = `the entry for gfn 0x${gfn.toString(16)} in ${name(sp)}`;
  const slot = visible(slotForRole(kvm, sp.role, gfn));
  if (slot === null) {
    report(`${where} maps memory of no slot`);
    return;
  }
  const owner = kvm.host.ownerOf(spte_to_pfn(sp, index));
  if (owner !== hostPage(slot, gfn)) report(`${where} maps memory that is not the slot's`);
  const { level } = sp.role;
  const pointers =
    slot.arch.rmap[level - 1]?.pointers(gfn_to_index(gfn, slot.base_gfn, level)) ?? [];
  if (!pointers.includes(pointerTo(sp, index))) report(`${where} is in no rmap`);
  if (is_writable_pte(sp, index) && isShadowedTable(kvm, gfn, sp.role.smm)) {
    report(`${where} lets the guest write a page table that is shadowed`);
  }
}

/**
 * Whether a valid page in step shadows the guest page table at `gfn`: then nobody may write it
 * unseen.
 */
const isShadowedTable = (kvm: Kvm, gfn: number, smm: boolean): boolean =>
  [...kvm.ops.for_each_valid_sp(kvm, gfn)].some(
    (sp) => !sp.role.direct && sp.role.smm === smm && !sp.unsync,
  );

/** Every pointer in an rmap leads to a translation. */
function auditRmaps(kvm: Kvm, report: Report): void {
  for (const { slots } of kvm.memslots) {
    for (const slot of slots) {
      for (const rmap of slot.arch.rmap) {
        for (const index of rmap.mapped()) {
          for (const pointer of rmap.pointers(index)) {
            const { sp, index: entry } = kvm.sptep(pointer);
            if (!kvm.masks.is_shadow_present_pte(sp, entry)) {
              report(`an rmap of slot ${slot.id} leads to an empty entry of ${name(sp)}`);
            }
          }
        }
      }
    }
  }
}

/**
 * What a vCPU may still use must be allowed. With direct paging, a translation is what the tables
 * say now; with shadowed guest page tables the guest flushes for itself, but memory that is gone
 * must be out of reach.
 */
function auditTlb(vcpu: Vcpu, report: Report): void {
  const { kvm, requests, roots } = vcpu;
  if (requests.has("MMU_RELOAD") || requests.has("TLB_FLUSH") || roots === null) return;
  for (const { page, frame, writable } of vcpu.tlb.entries()) {
    const where = `the TLB of vCPU ${vcpu.id} for page 0x${page.toString(16)}`;
    const owner = kvm.host.ownerOf(frame);
    if (owner === null) {
      report(`${where} leads to memory that the host has taken back`);
    } else if (!vcpu.direct_map) {
      if (!isMemoryOf(vcpu, owner)) report(`${where} leads to memory of no slot`);
    } else {
      const end = walkToLeaf(vcpu, page);
      const mapped =
        end !== null &&
        kvm.masks.is_shadow_present_pte(end.sp, end.index) &&
        spte_to_pfn(end.sp, end.index) === frame;
      if (!mapped) report(`${where} has a translation that the tables do not`);
      else if (writable && !is_writable_pte(end.sp, end.index)) {
        report(`${where} lets the guest write what the tables do not`);
      }
    }
  }
}

/** Whether a host page is behind some slot of the vCPU's address space. */
const isMemoryOf = (vcpu: Vcpu, page: number): boolean =>
  vcpu.kvm.memslots[vcpu.addressSpace]!.slots.some((slot) => {
    const first = hostPage(slot, slot.base_gfn);
    return visible(slot) !== null && page >= first && page < first + slot.npages;
  });
