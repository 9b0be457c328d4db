import { pagesAtLevel, PT64_ENT_PER_PAGE } from "../machine/constants.ts";
import type { ShadowPage } from "../machine/shadow-page.ts";
import { is_last_spte, spte_to_pfn } from "../machine/spte.ts";
import type { Vcpu } from "../machine/vcpu.ts";

/**
 * Walks through a vCPU's shadow page tables. Addresses are page numbers: gfns, or guest virtual
 * pages.
 */

/** The entry for a page number in a table of `level`. */
export const tableIndex = (page: number, level: number): number =>
  Math.floor(page / pagesAtLevel(level)) % PT64_ENT_PER_PAGE;

/**
 * The vCPU's root for an address: its only one, or that of the gigabyte (PAE roots). Null if none
 * is loaded.
 */
export function rootFor(vcpu: Vcpu, page: number): ShadowPage | null {
  if (vcpu.roots === null) return null;
  const root = vcpu.roots.length === 1 ? 0 : Math.floor(page / pagesAtLevel(3)) % 4;
  return vcpu.roots[root] ?? null;
}

/** Where a walk ended: at a leaf, or at an entry that leads nowhere. */
export interface WalkEnd {
  readonly sp: ShadowPage;
  readonly index: number;
}

/**
 * Follows present entries from the root down: for_each_shadow_entry_lockless (arch/x86/kvm/mmu.c).
 */
export function walkToLeaf(
  vcpu: Vcpu,
  page: number,
  visit?: (sp: ShadowPage) => void,
): WalkEnd | null {
  const { kvm } = vcpu;
  let sp = rootFor(vcpu, page);
  while (sp !== null) {
    visit?.(sp);
    const index = tableIndex(page, sp.role.level);
    if (is_last_spte(sp, index) || !kvm.masks.is_shadow_present_pte(sp, index))
      return { sp, index };
    sp = kvm.page_header(spte_to_pfn(sp, index));
  }
  return null;
}
