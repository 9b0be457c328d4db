import { pagesAtLevel, PT64_ENT_PER_PAGE } from "./constants.ts";
import type { PageList } from "./page-list.ts";
import { PageTable } from "./page-table.ts";

/**
 * What makes two shadow pages of one gfn different (union kvm_mmu_page_role), without `invalid`.
 */
export interface Role {
  /** 1: entries map 4K pages, 2: 2M, 3: 1G, 4: root. */
  readonly level: number;
  /** Maps guest physical memory; else it shadows the guest page table at its gfn. */
  readonly direct: boolean;
  /** ACC_* bits that entries may grant. */
  readonly access: number;
  /** Belongs to address space 1. */
  readonly smm: boolean;
}

/** Frame numbers of shadow pages start here, above every frame of guest memory. */
export const SHADOW_FRAME_BASE = 2 ** 36;

/** An entry of a shadow page: the kernel's `u64 *sptep`. */
export interface Sptep {
  readonly sp: ShadowPage;
  readonly index: number;
}

/** A shadow page: struct kvm_mmu_page (asm/kvm_host.h). */
export class ShadowPage {
  /** Counts up from 1 in a VM; never reused. */
  readonly id: number;
  /** First gfn mapped (direct), or gfn of the guest page table shadowed. */
  readonly gfn: number;
  readonly role: Role;
  /** `role.invalid`: prepared for freeing; no walk finds it. */
  invalid = false;
  readonly spt = new PageTable();
  /** For an indirect page: the gfn that each entry maps. */
  readonly gfns: Float64Array | null;
  /** vCPU roots, current and previous, that are this page. */
  root_count = 0;
  unsync = false;
  /** Entries below which there is an unsync page; allocated with the first. */
  unsync_child_bitmap: Set<number> | null = null;
  /** Entries that point to this page. */
  readonly parent_ptes: Sptep[] = [];
  mmu_valid_gen: number;
  /** An entry of this page is or once was an MMIO SPTE (patch 13). */
  mmio_cached = false;
  write_flooding_count = 0;
  freed = false;
  readonly link: { list: PageList | null; newer: ShadowPage | null; older: ShadowPage | null } = {
    list: null,
    newer: null,
    older: null,
  };

  constructor(id: number, gfn: number, role: Role, mmu_valid_gen: number) {
    this.id = id;
    this.gfn = gfn;
    this.role = role;
    this.mmu_valid_gen = mmu_valid_gen;
    this.gfns = role.direct ? null : new Float64Array(PT64_ENT_PER_PAGE);
  }

  get frame(): number {
    return SHADOW_FRAME_BASE + this.id;
  }

  get unsync_children(): number {
    return this.unsync_child_bitmap?.size ?? 0;
  }
}

export const sameRole = (a: Role, b: Role): boolean =>
  a.level === b.level && a.direct === b.direct && a.access === b.access && a.smm === b.smm;

/** The gfn that an entry maps or would map: kvm_mmu_page_get_gfn (arch/x86/kvm/mmu.c). */
export function kvm_mmu_page_get_gfn(sp: ShadowPage, index: number): number {
  return sp.gfns === null ? sp.gfn + index * pagesAtLevel(sp.role.level) : sp.gfns[index]!;
}

/** An entry as one number, for reverse maps. */
export const pointerTo = (sp: ShadowPage, index: number): number =>
  sp.id * PT64_ENT_PER_PAGE + index;
