import { KVM_MMU_NUM_PREV_ROOTS } from "./constants.ts";
import type { Kvm } from "./kvm.ts";
import type { Memslot, Memslots } from "./memslots.ts";
import type { ShadowPage } from "./shadow-page.ts";
import { Tlb } from "./tlb.ts";

/** What a vCPU must do before it next enters the guest (KVM_REQ_*). */
export type Request = "MMU_RELOAD" | "MMU_SYNC" | "TLB_FLUSH";

/** The last MMIO access: zero in `gva` (shadow) or `gfn` (direct) means empty. */
export interface MmioCache {
  /** First byte of the guest virtual page, 0 with direct paging. */
  gva: number;
  gfn: number;
  access: number;
  generation: bigint;
}

/** A root that the vCPU may come back to. */
export interface PreviousRoot {
  cr3: number;
  root: ShadowPage | null;
}

// A loop and not Array.from: the explorer makes a vCPU for every execution.
function noPreviousRoots(): PreviousRoot[] {
  const roots: PreviousRoot[] = [];
  for (let i = 0; i < KVM_MMU_NUM_PREV_ROOTS; i++) roots.push({ cr3: 0, root: null });
  return roots;
}

/**
 * The roots of a vCPU: one page of level 4, or four of level 2 (PAE roots), or none loaded.
 */
export type Roots = readonly ShadowPage[] | null;

export class Vcpu {
  readonly kvm: Kvm;
  readonly id: number;
  /** In system management mode: uses address space 1, and is without paging. */
  smm = false;
  /**
   * Guest physical address of the guest's root table; null without paging. Matters to the shadow
   * MMU only.
   */
  cr3: number | null;
  roots: Roots = null;
  readonly prev_roots: PreviousRoot[] = noPreviousRoots();
  readonly cache: MmioCache = { gva: 0, gfn: 0, access: 0, generation: 0n };
  readonly tlb = new Tlb();
  readonly requests = new Set<Request>();
  /** Address of the access that was last re-executed instead of emulated, or null. */
  lastRetry: number | null = null;

  constructor(kvm: Kvm, id: number, cr3: number | null) {
    this.kvm = kvm;
    this.id = id;
    this.cr3 = cr3;
  }

  /** The guest's own tables are shadowed now (`mmu->direct_map` is false). */
  get pagingShadowed(): boolean {
    return this.kvm.machine.paging === "shadow" && this.cr3 !== null && !this.smm;
  }

  get direct_map(): boolean {
    return !this.pagingShadowed;
  }

  /** Level of the roots: 4, or 2 for PAE roots. */
  get rootLevel(): number {
    return this.kvm.machine.paging === "shadow" && this.direct_map ? 2 : 4;
  }

  /** kvm_arch_vcpu_memslots_id (asm/kvm_host.h). */
  get addressSpace(): number {
    return this.smm ? this.kvm.machine.addressSpaces - 1 : 0;
  }
}

/** The set published now for the vCPU's address space. */
export const kvm_vcpu_memslots = (vcpu: Vcpu): Memslots => vcpu.kvm.memslots[vcpu.addressSpace]!;

/** The slot that covers `gfn` for this vCPU, INVALID ones included, or null. */
export const kvm_vcpu_gfn_to_memslot = (vcpu: Vcpu, gfn: number): Memslot | null =>
  kvm_vcpu_memslots(vcpu).__gfn_to_memslot(gfn);
