import { ACC_EXEC_MASK, ACC_USER_MASK, PAGE_SHIFT } from "./constants.ts";
import type { MachineParameters } from "./machine.ts";
import type { ShadowPage } from "./shadow-page.ts";
import { bits } from "./u64.ts";

/** Marks an SPTE whose meaning is software's: bit 62. */
export const SPTE_SPECIAL_MASK = 1n << 62n;

/** Bits of a present SPTE that do not depend on the paging (arch/x86/kvm/mmu.c). */
const PT_WRITABLE_MASK = 1 << 1;
const PT_PAGE_SIZE_MASK = 1 << 7;
const SPTE_HOST_WRITEABLE = 1 << 10;
const SPTE_MMU_WRITEABLE = 1 << 11;

/**
 * Physical address bits set in non-present and reserved entries against L1TF, just below the CPU's
 * width.
 */
const L1TF_BITS = 5;

/** The bits of SPTEs on one machine: the kernel's shadow_*_mask variables. */
export class SpteMasks {
  /** What makes an entry an MMIO SPTE: `(entry & mask) === value`. */
  readonly shadow_mmio_value: bigint;
  readonly shadow_mmio_mask: bigint;
  /** Bits set in every MMIO SPTE against L1TF; the gfn's own bits there move up by five. */
  readonly shadow_nonpresent_or_rsvd_mask: bigint;
  readonly shadow_nonpresent_or_rsvd_mask_len = BigInt(L1TF_BITS);
  /** Bits of an MMIO SPTE that hold the lower part of the guest physical address in place. */
  readonly shadow_nonpresent_or_rsvd_lower_gfn_mask: bigint;
  /**
   * Whether the CPU reports an access through an MMIO SPTE as such, not as one through an empty
   * entry.
   */
  readonly mmioFaultsAreReserved: boolean;
  readonly accessed: number;
  readonly dirty: number;

  readonly #present: number;
  readonly #user: number;
  readonly #executable: number;
  readonly #notExecutableHigh: number;
  readonly #memoryType: number;
  readonly #mmioLow: { mask: number; value: number };
  readonly #mmioHigh: { mask: number; value: number };

  constructor(machine: Pick<MachineParameters, "paging" | "physicalAddressWidth">) {
    const width = machine.physicalAddressWidth;
    const ept = machine.paging === "ept";
    // EPT: writable and executable but not readable is a misconfiguration. Else present with bit
    // 51, which is reserved unless the physical address has 52 bits; then nothing is reserved and
    // present is left out.
    const value = ept ? 0b110n : width === 52 ? 1n << 51n : (1n << 51n) | 1n;
    const mask = ept ? 0b111n : value;
    this.shadow_mmio_value = value | SPTE_SPECIAL_MASK;
    this.shadow_mmio_mask = mask | SPTE_SPECIAL_MASK;
    this.mmioFaultsAreReserved = ept || width !== 52;
    const againstL1tf = width < 52 - L1TF_BITS;
    this.shadow_nonpresent_or_rsvd_mask = againstL1tf ? bits(width - 1, width - L1TF_BITS) : 0n;
    this.shadow_nonpresent_or_rsvd_lower_gfn_mask = bits(
      (againstL1tf ? width - L1TF_BITS : width) - 1,
      PAGE_SHIFT,
    );
    this.#mmioLow = halves(this.shadow_mmio_mask, this.shadow_mmio_value, 0n);
    this.#mmioHigh = halves(this.shadow_mmio_mask, this.shadow_mmio_value, 32n);

    this.#present = ept ? 0 : 1;
    this.#user = ept ? 1 : 4; // EPT: the read permission stands in for user access
    this.#executable = ept ? 4 : 0;
    this.#notExecutableHigh = ept ? 0 : 0x8000_0000;
    this.#memoryType = ept ? 0x70 : 0; // write-back, the guest's PAT ignored
    this.accessed = ept ? 1 << 8 : 1 << 5;
    this.dirty = ept ? 1 << 9 : 1 << 6;
  }

  is_mmio_spte(sp: ShadowPage, index: number): boolean {
    return (
      (sp.spt.high(index) & this.#mmioHigh.mask) === this.#mmioHigh.value &&
      (sp.spt.low(index) & this.#mmioLow.mask) === this.#mmioLow.value
    );
  }

  /** Neither empty nor MMIO: a translation or a link to a table. */
  is_shadow_present_pte(sp: ShadowPage, index: number): boolean {
    return !sp.spt.isZero(index) && !this.is_mmio_spte(sp, index);
  }

  /** A present entry that points to a table at the level below. */
  linkToTable(sp: ShadowPage, index: number, table: ShadowPage): void {
    const low = PT_WRITABLE_MASK | this.#present | this.#user | this.#executable | this.accessed;
    sp.spt.setFrame(index, table.frame, low, 0);
  }

  /** A present leaf entry. */
  setLeaf(
    sp: ShadowPage,
    index: number,
    leaf: {
      frame: number;
      access: number;
      large: boolean;
      hostWritable: boolean;
      writable: boolean;
      accessed: boolean;
      dirty: boolean;
    },
  ): void {
    let low = this.#present | this.#memoryType;
    if (leaf.access & ACC_EXEC_MASK) low |= this.#executable;
    if (leaf.access & ACC_USER_MASK) low |= this.#user;
    if (leaf.large) low |= PT_PAGE_SIZE_MASK;
    if (leaf.hostWritable) low |= SPTE_HOST_WRITEABLE;
    if (leaf.writable) low |= PT_WRITABLE_MASK | SPTE_MMU_WRITEABLE;
    if (leaf.accessed) low |= this.accessed;
    if (leaf.dirty) low |= this.dirty;
    sp.spt.setFrame(
      index,
      leaf.frame,
      low,
      leaf.access & ACC_EXEC_MASK ? 0 : this.#notExecutableHigh,
    );
  }
}

const known = new WeakMap<MachineParameters, SpteMasks>();

/** The masks of a machine, made once for all its VMs. */
export function masksOf(machine: MachineParameters): SpteMasks {
  let masks = known.get(machine);
  if (masks === undefined) known.set(machine, (masks = new SpteMasks(machine)));
  return masks;
}

const halves = (mask: bigint, value: bigint, shift: bigint): { mask: number; value: number } => ({
  mask: Number((mask >> shift) & 0xffff_ffffn) | 0,
  value: Number((value >> shift) & 0xffff_ffffn) | 0,
});

/**
 * What one asks of a present entry; the names are the kernel's, the entry is given by its page and
 * index.
 */
export const is_large_pte = (sp: ShadowPage, index: number): boolean =>
  (sp.spt.low(index) & PT_PAGE_SIZE_MASK) !== 0;

export const is_last_spte = (sp: ShadowPage, index: number): boolean =>
  sp.role.level === 1 || is_large_pte(sp, index);

export const is_writable_pte = (sp: ShadowPage, index: number): boolean =>
  (sp.spt.low(index) & PT_WRITABLE_MASK) !== 0;

export const is_host_writable_pte = (sp: ShadowPage, index: number): boolean =>
  (sp.spt.low(index) & SPTE_HOST_WRITEABLE) !== 0;

export const spte_to_pfn = (sp: ShadowPage, index: number): number => sp.spt.frame(index);

const LOCKLESS = SPTE_HOST_WRITEABLE | SPTE_MMU_WRITEABLE;

export const spte_can_locklessly_be_made_writable = (sp: ShadowPage, index: number): boolean =>
  (sp.spt.low(index) & LOCKLESS) === LOCKLESS;

/** Sets the writable bit; `fast_page_fault` does this without the lock. */
export const makeWritable = (sp: ShadowPage, index: number): void => {
  sp.spt.set(index, sp.spt.low(index) | PT_WRITABLE_MASK, sp.spt.high(index));
};

/**
 * Takes the writable bit, and for a shadowed guest page table the permission to give it back
 * without the lock.
 * @returns whether a TLB flush is owed: spte_write_protect (arch/x86/kvm/mmu.c).
 */
export function spte_write_protect(sp: ShadowPage, index: number, pt_protect: boolean): boolean {
  const owed = spte_can_locklessly_be_made_writable(sp, index);
  if (!is_writable_pte(sp, index) && !(pt_protect && owed)) return false;
  const gone = PT_WRITABLE_MASK | (pt_protect ? SPTE_MMU_WRITEABLE : 0);
  sp.spt.set(index, sp.spt.low(index) & ~gone, sp.spt.high(index));
  return owed;
}
