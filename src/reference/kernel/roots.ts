import { ACC_ALL, PAGE_SIZE, pagesAtLevel, PT64_ROOT_4LEVEL } from "../machine/constants.ts";
import type { Kvm } from "../machine/kvm.ts";
import { spin_lock, spin_unlock } from "../machine/mmu-lock.ts";
import { PageList } from "../machine/page-list.ts";
import { type Role, sameRole, type ShadowPage } from "../machine/shadow-page.ts";
import { visible } from "../machine/memslots.ts";
import type { Task } from "../machine/thread.ts";
import { kvm_vcpu_gfn_to_memslot, type PreviousRoot, type Vcpu } from "../machine/vcpu.ts";
import { make_mmu_pages_available } from "./budget.ts";
import { requestLocalFlush } from "./flush.ts";
import { kvm_mmu_commit_zap_page } from "./free.ts";
import { kvm_mmu_get_page } from "./get-page.ts";
import { vcpu_clear_mmio_info } from "./mmio-cache.ts";
import { kvm_mmu_sync_roots } from "./sync.ts";

/** Loading, changing and dropping the roots of a vCPU (arch/x86/kvm/mmu.c). */

/** Why a root could not be loaded: the budget is used up, or CR3 points nowhere. */
export type LoadFailure = "ENOSPC" | "triple-fault";

/** Loads roots for the vCPU's paging; @returns null when that worked. */
export function* kvm_mmu_load(vcpu: Vcpu): Task<LoadFailure | null> {
  const failure = yield* mmu_alloc_roots(vcpu);
  if (failure !== null) return failure;
  yield* kvm_mmu_sync_roots(vcpu);
  vcpu.tlb.flush();
  return null;
}

function* mmu_alloc_roots(vcpu: Vcpu): Task<LoadFailure | null> {
  const gfns = rootGfns(vcpu);
  if (gfns === null) return "triple-fault";
  const role = rootRole(vcpu);
  const roots: ShadowPage[] = [];
  for (const gfn of gfns) {
    yield* spin_lock(vcpu.kvm);
    const room = make_mmu_pages_available(vcpu.kvm);
    if (room) {
      const root = kvm_mmu_get_page(vcpu, gfn, role);
      root.root_count++;
      roots.push(root);
    }
    spin_unlock(vcpu.kvm);
    if (!room) return "ENOSPC";
  }
  vcpu.roots = roots;
  return null;
}

/** The gfns of the roots to load; null when CR3 points where no memory is. */
function rootGfns(vcpu: Vcpu): number[] | null {
  if (vcpu.direct_map) {
    return vcpu.rootLevel === PT64_ROOT_4LEVEL ? [0] : [0, 1, 2, 3].map((i) => i * pagesAtLevel(3));
  }
  const gfn = Math.floor((vcpu.cr3 ?? 0) / PAGE_SIZE);
  return mmu_check_root(vcpu, gfn) ? [gfn] : null;
}

const rootRole = (vcpu: Vcpu): Role => ({
  level: vcpu.rootLevel,
  direct: vcpu.direct_map,
  access: ACC_ALL,
  smm: vcpu.smm,
});

const mmu_check_root = (vcpu: Vcpu, gfn: number): boolean =>
  visible(kvm_vcpu_gfn_to_memslot(vcpu, gfn)) !== null;

/** Drops one reference to a root; the last one to a zapped root prepares it for freeing. */
function mmu_free_root_page(kvm: Kvm, root: ShadowPage, invalid_list: PageList): void {
  root.root_count--;
  if (root.root_count === 0 && root.invalid) {
    kvm.ops.kvm_mmu_prepare_zap_page(kvm, root, invalid_list);
  }
}

/** Drops the current root and the given previous ones. */
function* kvm_mmu_free_roots(vcpu: Vcpu, previous: readonly PreviousRoot[]): Task<void> {
  const { kvm } = vcpu;
  const loaded = previous.filter(({ root }) => root !== null);
  if (vcpu.roots === null && loaded.length === 0) return;
  yield* spin_lock(kvm);
  const invalid_list = new PageList();
  for (const slot of loaded) {
    mmu_free_root_page(kvm, slot.root!, invalid_list);
    slot.root = null;
  }
  for (const root of vcpu.roots ?? []) mmu_free_root_page(kvm, root, invalid_list);
  vcpu.roots = null;
  kvm_mmu_commit_zap_page(kvm, invalid_list);
  spin_unlock(kvm);
}

/** Drops all roots of a vCPU. */
export function* kvm_mmu_unload(vcpu: Vcpu): Task<void> {
  yield* kvm_mmu_free_roots(vcpu, vcpu.prev_roots);
}

/** The guest loads CR3 (kvm_set_cr3, x86.c). The same value again only flushes. */
export function* kvm_set_cr3(vcpu: Vcpu, cr3: number): Task<void> {
  if (cr3 === vcpu.cr3) {
    yield* kvm_mmu_sync_roots(vcpu);
    requestLocalFlush(vcpu);
    return;
  }
  if (!fast_cr3_switch(vcpu, cr3)) yield* kvm_mmu_free_roots(vcpu, []);
  vcpu.cr3 = cr3;
}

/** Goes back to a root that the vCPU kept; @returns whether it had one. */
function fast_cr3_switch(vcpu: Vcpu, cr3: number): boolean {
  if (!vcpu.pagingShadowed || !mmu_check_root(vcpu, Math.floor(cr3 / PAGE_SIZE))) return false;
  if (!cached_root_available(vcpu, cr3)) return false;
  vcpu.requests.add("MMU_SYNC");
  vcpu.tlb.flush();
  vcpu_clear_mmio_info(vcpu, "any");
  const root = vcpu.roots?.[0];
  if (root !== undefined) root.write_flooding_count = 0;
  return true;
}

/**
 * Looks for a kept root; the current one is kept in its place. If there is none, the one kept
 * longest becomes current, to be dropped by the caller.
 */
function cached_root_available(vcpu: Vcpu, cr3: number): boolean {
  const role = rootRole(vcpu);
  let moving: PreviousRoot = { cr3: vcpu.cr3 ?? 0, root: vcpu.roots?.[0] ?? null };
  let found = false;
  for (const [i, kept] of vcpu.prev_roots.entries()) {
    vcpu.prev_roots[i] = moving;
    moving = kept;
    const { root } = kept;
    found = root !== null && kept.cr3 === cr3 && !root.invalid && sameRole(root.role, role);
    if (found) break;
  }
  vcpu.roots = moving.root === null ? null : [moving.root];
  return found;
}

/**
 * Enters or leaves system management mode: another address space, other roots (kvm_smm_changed,
 * x86.c).
 */
export function* kvm_smm_changed(vcpu: Vcpu, smm: boolean): Task<void> {
  yield* kvm_mmu_unload(vcpu);
  vcpu.smm = smm;
}
