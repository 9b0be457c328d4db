import {
  ACC_EXEC_MASK,
  ACC_USER_MASK,
  ACC_WRITE_MASK,
  PAGE_SIZE,
  pagesAtLevel,
  PT64_ROOT_4LEVEL,
} from "../machine/constants.ts";
import { hostPage, isReadonly, visible } from "../machine/memslots.ts";
import { kvm_vcpu_gfn_to_memslot, type Vcpu } from "../machine/vcpu.ts";
import { kvm_vcpu_mark_page_dirty } from "./slots.ts";
import { tableIndex } from "./walk.ts";

/**
 * Walking the guest's own page tables, 4 levels of 64-bit entries in guest memory
 * (arch/x86/kvm/paging_tmpl.h). The guest runs in supervisor mode with CR0.WP set and without NX.
 */

/** Bits of a guest page table entry. */
const GPTE_PRESENT = 1n << 0n;
const GPTE_WRITABLE = 1n << 1n;
const GPTE_USER = 1n << 2n;
const GPTE_ACCESSED = 1n << 5n;
const GPTE_DIRTY = 1n << 6n;
const GPTE_LARGE = 1n << 7n;
const GPTE_ADDRESS = ((1n << 52n) - 1n) & ~0xfffn;

/** Bytes in a guest page table entry. */
export const GPTE_SIZE = 8;

/** What a walk found (struct guest_walker). Arrays are indexed by level - 1. */
export interface GuestWalk {
  /** Level of the leaf entry. */
  readonly level: number;
  readonly table_gfn: readonly number[];
  readonly ptes: readonly bigint[];
  /** ACC_* bits granted above the leaf, and with it. */
  readonly pt_access: number;
  readonly pte_access: number;
  /** The gfn that the address maps to. */
  readonly gfn: number;
}

/** Whether the entry maps something. */
export const is_present_gpte = (gpte: bigint): boolean => (gpte & GPTE_PRESENT) !== 0n;

export const gpteAccessed = (gpte: bigint): boolean => (gpte & GPTE_ACCESSED) !== 0n;

export const gpte_to_gfn = (gpte: bigint): number => Number((gpte & GPTE_ADDRESS) >> 12n);

/** ACC_* bits of an entry; the guest has no NX. */
export function gpte_access(gpte: bigint): number {
  const write = gpte & GPTE_WRITABLE ? ACC_WRITE_MASK : 0;
  const user = gpte & GPTE_USER ? ACC_USER_MASK : 0;
  return ACC_EXEC_MASK | write | user;
}

/** A clean entry is mapped read-only, so that the first write can set its dirty bit. */
export const protect_clean_gpte = (access: number, gpte: bigint): number =>
  gpte & GPTE_DIRTY ? access : access & ~ACC_WRITE_MASK;

/** Reads the entry at `index` of the guest table at `gfn`; null when no slot holds the table. */
export function readGpte(vcpu: Vcpu, gfn: number, index: number): bigint | null {
  const slot = visible(kvm_vcpu_gfn_to_memslot(vcpu, gfn));
  if (slot === null) return null;
  const { host } = vcpu.kvm;
  return host.read(host.frameOf(hostPage(slot, gfn)), index * GPTE_SIZE, GPTE_SIZE);
}

/**
 * Walks the guest's tables for a guest virtual page and sets accessed and dirty bits on success:
 * walk_addr.
 * @returns null when the guest's tables do not allow the access: a page fault for the guest.
 */
export function walk_addr(vcpu: Vcpu, page: number, write: boolean): GuestWalk | null {
  const table_gfn: number[] = [];
  const ptes: bigint[] = [];
  let tableGfn = Math.floor((vcpu.cr3 ?? 0) / PAGE_SIZE);
  let level = PT64_ROOT_4LEVEL;
  let pt_access = ACC_EXEC_MASK | ACC_WRITE_MASK | ACC_USER_MASK;
  let pte_access = pt_access;
  for (; ; level--) {
    const gpte = readGpte(vcpu, tableGfn, tableIndex(page, level));
    if (gpte === null || !is_present_gpte(gpte)) return null;
    table_gfn[level - 1] = tableGfn;
    ptes[level - 1] = gpte;
    pt_access = pte_access;
    pte_access &= gpte_access(gpte);
    if (level === 1 || (level < PT64_ROOT_4LEVEL && gpte & GPTE_LARGE)) break;
    tableGfn = gpte_to_gfn(gpte);
  }
  if (write && (pte_access & ACC_WRITE_MASK) === 0) return null;

  const leaf = ptes[level - 1]!;
  const size = pagesAtLevel(level);
  const gfn = gpte_to_gfn(leaf) - (gpte_to_gfn(leaf) % size) + (page % size);
  update_accessed_dirty_bits(vcpu, page, level, table_gfn, ptes, write);
  if (!write) pte_access = protect_clean_gpte(pte_access, leaf);
  return { level, table_gfn, ptes, pt_access, pte_access, gfn };
}

function update_accessed_dirty_bits(
  vcpu: Vcpu,
  page: number,
  leafLevel: number,
  table_gfn: readonly number[],
  ptes: bigint[],
  write: boolean,
): void {
  const { host } = vcpu.kvm;
  for (let level = PT64_ROOT_4LEVEL; level >= leafLevel; level--) {
    const old = ptes[level - 1]!;
    const gpte = old | GPTE_ACCESSED | (write && level === leafLevel ? GPTE_DIRTY : 0n);
    const gfn = table_gfn[level - 1]!;
    const slot = visible(kvm_vcpu_gfn_to_memslot(vcpu, gfn));
    if (gpte === old || slot === null || isReadonly(slot)) continue;
    const frame = host.frameOf(hostPage(slot, gfn));
    host.write(frame, tableIndex(page, level) * GPTE_SIZE, GPTE_SIZE, gpte);
    kvm_vcpu_mark_page_dirty(vcpu, gfn);
    ptes[level - 1] = gpte;
  }
}

/** Whether the guest changed an entry since the walk read it. */
export const gpte_changed = (vcpu: Vcpu, walk: GuestWalk, page: number, level: number): boolean =>
  readGpte(vcpu, walk.table_gfn[level - 1]!, tableIndex(page, level)) !== walk.ptes[level - 1];
