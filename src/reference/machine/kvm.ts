import type { Operations } from "../operations.ts";
import { KernelBug } from "./failures.ts";
import type { Event } from "./events.ts";
import { HostMemory } from "./host-memory.ts";
import type { MachineParameters } from "./machine.ts";
import type { Memslots } from "./memslots.ts";
import { MmuLock } from "./mmu-lock.ts";
import { PageHash } from "./page-hash.ts";
import { PageList } from "./page-list.ts";
import { PT64_ENT_PER_PAGE } from "./constants.ts";
import { SHADOW_FRAME_BASE, type ShadowPage, type Sptep } from "./shadow-page.ts";
import { masksOf, type SpteMasks } from "./spte.ts";
import { Srcu } from "./srcu.ts";
import type { Vcpu } from "./vcpu.ts";

/** Totals since the VM was created. */
export interface Counters {
  installs: number;
  faults: number;
  remote_flushes: number;
  local_flushes: number;
  reloads: number;
  prepares: number;
  commits: number;
  pages_allocated: number;
  pages_freed: number;
  lock_breaks: number;
  walk_restarts: number;
}

/** A virtual machine: struct kvm and struct kvm_arch, and the hardware below it. */
export class Kvm {
  readonly machine: MachineParameters;
  /** The kernel functions that run: the composed table of a layer. */
  readonly ops: Operations;
  readonly masks: SpteMasks;
  readonly host: HostMemory;
  /** Events in order; null keeps none (a bench). */
  readonly log: Event[] | null;

  /**
   * Somebody may want to stop a thread here: hot scheduling points are given out. Off while a
   * single thread runs from end to end, where they would only cost time.
   */
  stoppable = false;

  /** The published set of each address space. */
  readonly memslots: Memslots[] = [];
  readonly srcu = new Srcu();
  /** A mutex: a region call is in progress. */
  slots_lock = false;
  readonly mmu_lock = new MmuLock();
  readonly vcpus: Vcpu[] = [];

  readonly active_mmu_pages = new PageList();
  /** Obsolete pages that are zapped and not yet freed (gone with patch 16). */
  readonly zapped_obsolete_pages = new PageList();
  readonly mmu_page_hash = new PageHash();
  mmu_valid_gen = 0;
  n_used_mmu_pages = 0;
  n_max_mmu_pages = 0;
  indirect_shadow_pages = 0;

  mmu_notifier_seq = 0;
  mmu_notifier_count = 0;
  /** Entries were dropped whose flush was left to the guest; the host must not rely on it. */
  tlbs_dirty = false;
  /** Present entries were cleared since the last remote flush. */
  unflushed = false;

  readonly warned = new Set<string>();
  readonly counters: Counters = {
    installs: 0,
    faults: 0,
    remote_flushes: 0,
    local_flushes: 0,
    reloads: 0,
    prepares: 0,
    commits: 0,
    pages_allocated: 0,
    pages_freed: 0,
    lock_breaks: 0,
    walk_restarts: 0,
  };

  readonly #pages = new Map<number, ShadowPage>();

  constructor(machine: MachineParameters, ops: Operations, log: Event[] | null = []) {
    this.machine = machine;
    this.ops = ops;
    this.masks = masksOf(machine);
    this.host = new HostMemory(machine);
    this.log = log;
    this.n_max_mmu_pages = machine.pageBudget ?? 0;
    ops.kvm_create_vm(this);
  }

  registerPage(sp: ShadowPage): void {
    this.#pages.set(sp.id, sp);
    this.counters.pages_allocated++;
  }

  unregisterPage(sp: ShadowPage): void {
    sp.freed = true;
    this.#pages.delete(sp.id);
    this.counters.pages_freed++;
  }

  /**
   * The shadow page behind a frame. @throws KernelBug when it was freed: a dangling table entry.
   */
  page_header(frame: number): ShadowPage {
    return this.#page(frame - SHADOW_FRAME_BASE);
  }

  /** The same for who only looks: nothing when it was freed. */
  pageBehind(frame: number): ShadowPage | undefined {
    return this.#pages.get(frame - SHADOW_FRAME_BASE);
  }

  /** The entry that a reverse map's pointer stands for. */
  sptep(pointer: number): Sptep {
    return {
      sp: this.#page(Math.floor(pointer / PT64_ENT_PER_PAGE)),
      index: pointer % PT64_ENT_PER_PAGE,
    };
  }

  #page(id: number): ShadowPage {
    const sp = this.#pages.get(id);
    if (sp === undefined) throw new KernelBug(`shadow page ${id} is used after it was freed`);
    return sp;
  }

  /** Every shadow page that was allocated and not freed: active, prepared, or leaked. */
  get allPages(): Iterable<ShadowPage> {
    return this.#pages.values();
  }
}
