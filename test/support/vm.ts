import { expect } from "vitest";
import { audit } from "../../src/reference/audit.ts";
import {
  composeThrough,
  type Composition,
  type CompositionOptions,
  LAST_LAYER,
} from "../../src/reference/compose.ts";
import type { GuestAccess, Outcome } from "../../src/reference/kernel/emulate.ts";
import { guestAccess, inKernel } from "../../src/reference/kernel/guest.ts";
import {
  kvm_set_memory_region,
  type RegionError,
} from "../../src/reference/kernel/memory-region.ts";
import { hostRelease } from "../../src/reference/kernel/notifier.ts";
import { kvm_set_cr3, kvm_smm_changed } from "../../src/reference/kernel/roots.ts";
import { kvm_mmu_invlpg } from "../../src/reference/kernel/sync.ts";
import { createVcpu } from "../../src/reference/kernel/vm.ts";
import { walkToLeaf } from "../../src/reference/kernel/walk.ts";
import { PAGE_SIZE } from "../../src/reference/machine/constants.ts";
import type { Event, EventName } from "../../src/reference/machine/events.ts";
import { Kvm } from "../../src/reference/machine/kvm.ts";
import { type MachineParameters, machineParameters } from "../../src/reference/machine/machine.ts";
import { hostPage, type Memslot } from "../../src/reference/machine/memslots.ts";
import type { ShadowPage } from "../../src/reference/machine/shadow-page.ts";
import { is_last_spte, is_writable_pte, spte_to_pfn } from "../../src/reference/machine/spte.ts";
import { runToEnd, type Task } from "../../src/reference/machine/thread.ts";
import type { Vcpu } from "../../src/reference/machine/vcpu.ts";
import { Thread } from "./thread.ts";

/** First byte of the host memory that a region has if a test does not say otherwise, for gfn 0. */
export const HOST_BASE = 0x1000_0000;
/** Its page number: gfn g has host page `HOST_PAGE + g`. */
export const HOST_PAGE = HOST_BASE / PAGE_SIZE;

/** A region call in pages. */
export interface Region {
  readonly id?: number;
  readonly as?: number;
  readonly gfn: number;
  readonly npages: number;
  /** In bytes; `HOST_BASE` plus the guest physical address, if left out. */
  readonly hva?: number;
  readonly flags?: number;
}

export interface VmOptions extends CompositionOptions {
  readonly layer?: number;
  readonly composition?: Composition;
  readonly machine?: Partial<MachineParameters>;
}

/** What stands where the walk for an address ends. */
export type Entry =
  | { readonly kind: "none" | "mmio"; readonly level: number }
  | {
      readonly kind: "leaf";
      readonly level: number;
      readonly frame: number;
      readonly writable: boolean;
    };

/** A VM of the reference, in the hands of a test. */
export class TestVm {
  readonly kvm: Kvm;

  constructor({ layer = LAST_LAYER, composition, machine, ...options }: VmOptions = {}) {
    const { ops } = composition ?? composeThrough(layer, options);
    this.kvm = new Kvm(machineParameters(machine), ops);
  }

  /** Makes a region call. */
  *regionCall({ id = 0, as = 0, gfn, npages, hva, flags = 0 }: Region): Task<RegionError | null> {
    return yield* kvm_set_memory_region(this.kvm, {
      slot: as * 2 ** 16 + id,
      flags,
      guest_phys_addr: BigInt(gfn) * BigInt(PAGE_SIZE),
      memory_size: BigInt(npages) * BigInt(PAGE_SIZE),
      userspace_addr: BigInt(hva ?? HOST_BASE + gfn * PAGE_SIZE),
    });
  }

  /** Makes a region call that must be accepted. */
  set(region: Region): void {
    expect(runToEnd(this.regionCall(region))).toBeNull();
  }

  /** Deletes a slot, which must be there. */
  delete(id: number, as = 0): void {
    this.set({ id, as, gfn: 0, npages: 0 });
  }

  slot(id = 0, as = 0): Memslot {
    return this.kvm.memslots[as]!.id_to_memslot(id)!;
  }

  vcpu(cr3: number | null = null): Vcpu {
    return createVcpu(this.kvm, cr3);
  }

  accessTask(vcpu: Vcpu, access: Partial<GuestAccess> & { address: number }): Task<Outcome> {
    return guestAccess(vcpu, { kind: "read", size: 8, value: 0n, ...access });
  }

  access(vcpu: Vcpu, access: Partial<GuestAccess> & { address: number }): Outcome {
    return runToEnd(this.accessTask(vcpu, access));
  }

  read(vcpu: Vcpu, address: number, size = 8): Outcome {
    return this.access(vcpu, { address, size });
  }

  write(vcpu: Vcpu, address: number, value = 0x77n, size = 8): Outcome {
    return this.access(vcpu, { kind: "write", address, value, size });
  }

  loadCr3(vcpu: Vcpu, cr3: number): void {
    runToEnd(inKernel(vcpu, kvm_set_cr3(vcpu, cr3)));
  }

  invlpg(vcpu: Vcpu, gva: number): void {
    runToEnd(inKernel(vcpu, kvm_mmu_invlpg(vcpu, gva)));
  }

  setSmm(vcpu: Vcpu, smm: boolean): void {
    runToEnd(inKernel(vcpu, kvm_smm_changed(vcpu, smm)));
  }

  /** The host takes the page behind a gfn of address space 0 back. */
  releaseHost(gfn: number): void {
    runToEnd(hostRelease(this.kvm, this.#page(gfn) * PAGE_SIZE));
  }

  /** A task as a thread among others: scheduling points are given out from now on. */
  thread<Result>(task: Task<Result>): Thread<Result> {
    this.kvm.stoppable = true;
    return new Thread(task);
  }

  /** Guest memory as userspace sees it, by guest physical address. */
  peek(gpa: number, size = 8): bigint {
    const { host } = this.kvm;
    const frame = host.frameOf(this.#page(Math.floor(gpa / PAGE_SIZE)));
    return host.read(frame, gpa % PAGE_SIZE, size);
  }

  poke(gpa: number, value: bigint, size = 8): void {
    const { host } = this.kvm;
    const frame = host.frameOf(this.#page(Math.floor(gpa / PAGE_SIZE)));
    host.write(frame, gpa % PAGE_SIZE, size, value);
  }

  #page(gfn: number): number {
    return hostPage(this.kvm.memslots[0]!.__gfn_to_memslot(gfn)!, gfn);
  }

  /** The entry that a vCPU's address leads to, or null without roots. */
  entry(vcpu: Vcpu, address: number): Entry | null {
    const end = walkToLeaf(vcpu, Math.floor(address / PAGE_SIZE));
    if (end === null) return null;
    const { sp, index } = end;
    const { level } = sp.role;
    if (this.kvm.masks.is_mmio_spte(sp, index)) return { kind: "mmio", level };
    if (sp.spt.isZero(index)) return { kind: "none", level };
    expect(is_last_spte(sp, index)).toBe(true);
    const writable = is_writable_pte(sp, index);
    return { kind: "leaf", level, frame: spte_to_pfn(sp, index), writable };
  }

  /** The shadow pages in use, newest first, that have all of the given properties. */
  pages(where: { gfn?: number; level?: number; direct?: boolean } = {}): ShadowPage[] {
    return [...this.kvm.active_mmu_pages.newestFirst()].filter(
      ({ gfn, role }) =>
        gfn === (where.gfn ?? gfn) &&
        role.level === (where.level ?? role.level) &&
        role.direct === (where.direct ?? role.direct),
    );
  }

  /** The one shadow page with the given properties. */
  page(where: { gfn?: number; level?: number; direct?: boolean }): ShadowPage {
    const found = this.pages(where);
    expect(found.length).toBe(1);
    return found[0]!;
  }

  /** The events of a name since the last `forget`. */
  events<Name extends EventName>(name: Name): Extract<Event, { event: Name }>[] {
    return this.kvm.log!.filter(
      (event): event is Extract<Event, { event: Name }> => event.event === name,
    );
  }

  /** The events of a name since the last `forget`; then forgets all. */
  forgetting<Name extends EventName>(name: Name): Extract<Event, { event: Name }>[] {
    const found = this.events(name);
    this.forget();
    return found;
  }

  /** Why translations were flushed everywhere, in order. */
  get flushes(): string[] {
    return this.events("remote_flush").map(({ reason }) => reason);
  }

  forget(): this {
    this.kvm.log!.length = 0;
    return this;
  }

  /** The law of every state at rest: page tables, rmaps, lists, counts and TLBs agree. */
  expectConsistent(): void {
    expect(audit(this.kvm)).toEqual([]);
  }
}
