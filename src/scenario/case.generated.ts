/** Generated from fixtures/schema/case.schema.json by `npm run generate`; do not edit. */

export type Erratum = "E1" | "E2" | "E3" | "E4" | "E5" | "E6" | "E7" | "E8";
/**
 * Unsigned 64-bit value, lower-case hexadecimal without leading zeros.
 */
export type Hex = string;
/**
 * One operation and what is expected of it.
 */
export type Step =
  | CreateVcpuStep
  | SetMemoryRegionStep
  | AccessStep
  | WriteGuestTableStep
  | MapGuestRangeStep
  | LoadCr3Step
  | InvlpgStep
  | EnterSmmStep
  | LeaveSmmStep
  | FlushShadowAllStep
  | DestroyVmStep
  | ShrinkStep
  | HostReleaseStep
  | ContendStep
  | InjectStep
  | ProbeStep
  | FactsStep
  | RepeatStep
  | ThreadsStep
  | SnapshotStep;
export type EventName =
  | "memslots.published"
  | "memslots.synchronized"
  | "memslots.generation"
  | "memslots.arch-updated"
  | "mark_mmio_spte"
  | "check_mmio_spte"
  | "handle_mmio_page_fault"
  | "cache.fill"
  | "cache.hit"
  | "page_fault"
  | "get_page"
  | "unsync_page"
  | "sync_page"
  | "prepare_zap"
  | "commit"
  | "free"
  | "remote_flush"
  | "local_flush"
  | "reload"
  | "lock_break"
  | "walk_restart"
  | "invalidate_zap_all_pages"
  | "warn";
export type FieldValue = string | number | boolean;
/**
 * Exactly this many, or bounds.
 */
export type Count =
  | number
  | {
      min?: number;
      max?: number;
    };
/**
 * What a region call returns, or `BUG`: the kernel breaks in it and cannot go on.
 */
export type ExpectedResult = "ok" | "EINVAL" | "EEXIST" | "BUG";
/**
 * A vCPU, numbered from 0 in the order of creation.
 */
export type Vcpu = number;
/**
 * How an access ends, or `BUG`: the kernel breaks in it and cannot go on.
 */
export type ExpectedOutcome =
  | "hit"
  | "mapped"
  | "emulated"
  | "mmio"
  | "guest-fault"
  | "triple-fault"
  | "ENOSPC"
  | "fetch-from-mmio"
  | "BUG";
export type OutcomeName =
  | "hit"
  | "mapped"
  | "emulated"
  | "mmio"
  | "guest-fault"
  | "triple-fault"
  | "ENOSPC"
  | "fetch-from-mmio";
/**
 * 0 normal, 1 SMM.
 */
export type AddressSpace = number;
export type ScheduleItem =
  | {
      run: string;
      /**
       * Run up to one of these; without it, to the end. `blocked`: the thread waits for another one. `end`: it is through.
       */
      until?: Stop | Stop[];
      /**
       * The nth time from here; 1 if left out.
       */
      nth?: number;
    }
  | {
      repeat: number;
      /**
       * @minItems 1
       */
      schedule: ScheduleItem[];
    };
export type Stop =
  | "memslots.published"
  | "memslots.synchronized"
  | "memslots.generation"
  | "memslots.arch-updated"
  | "guest.enter"
  | "slot.looked-up"
  | "cache.fill"
  | "spte.mark"
  | "spte.check"
  | "emulate"
  | "mmu_lock.acquire"
  | "mmu_lock.break"
  | "blocked"
  | "end";

/**
 * A conformance case: one scenario, what must be observed, and on which layers that holds.
 */
export interface Case {
  $schema?: string;
  /**
   * Stable; never reused. Starts with the patch, the erratum, or `all`.
   */
  id: string;
  title: string;
  /**
   * One paragraph for a reviewer.
   */
  why: string;
  /**
   * The patch whose suite this is; 0: holds at every layer.
   */
  patch: number;
  erratum?: Erratum;
  /**
   * The question of the kernel developers that it answers.
   */
  question?: "Q1" | "Q2" | "Q3" | "Q4";
  /**
   * The kernel function that is responsible.
   */
  function: string;
  /**
   * How it discriminates. layer: fails on the layer before its range. invariant: holds everywhere, and rejects a mutant. refactor: holds at the layer below, too, and rejects a mutant. defect, mended: holds exactly with, or exactly without, the erratum. witness: one schedule of an obligation, in `fixtures/witnesses`; the layer that it is for is the first of `layers`.
   */
  proof: "layer" | "invariant" | "refactor" | "defect" | "mended" | "witness";
  layers: LayerRange;
  /**
   * Patches that its layers lack, as kernels did that took one back: layer n is then the base with patches 1 to n but for these.
   *
   * @minItems 1
   */
  without?: number[];
  /**
   * Layers outside `layers` on which it holds, too.
   */
  alsoHolds?: {
    layers: LayerRange;
    because: string;
  }[];
  /**
   * Which of the two profiles it speaks of. For an erratum: both.
   */
  profile: "both" | "promised" | "merged";
  machine: Machine;
  /**
   * @minItems 1
   */
  steps: Step[];
  expect?: EventExpectations;
}
/**
 * Layers, both ends included; layer n is the base with patches 1 to n.
 */
export interface LayerRange {
  from: number;
  to: number;
}
/**
 * What the VM is made of; what is left out has the value named in its description.
 */
export interface Machine {
  /**
   * KVM_ADDRESS_SPACE_NUM; 2.
   */
  address_spaces?: number;
  /**
   * Bits; 40.
   */
  physical_address_width?: number;
  /**
   * npt.
   */
  paging?: "ept" | "npt" | "shadow";
  /**
   * Width of the generation field in an MMIO SPTE; 19 as in the kernel, less for a cheap wrap.
   */
  mmio_generation_bits?: number;
  /**
   * CONFIG_PREEMPT: who waits for mmu_lock makes its holder want to break; false.
   */
  preempt?: boolean;
  /**
   * Shadow pages; null: follows the guest's memory.
   */
  page_budget?: number | null;
  /**
   * 4K.
   */
  host_page_size?: "4K" | "2M" | "1G";
  /**
   * Host pages present from the start; all.
   */
  resident?:
    | "all"
    | {
        hva: Hex;
        npages: number;
      }[];
}
/**
 * Adds a vCPU.
 */
export interface CreateVcpuStep {
  do: "create_vcpu";
  /**
   * For the reader.
   */
  note?: string;
  /**
   * Unsigned 64-bit value, lower-case hexadecimal without leading zeros.
   */
  cr3?: string;
  expect?: EventsOnly;
}
export interface EventsOnly {
  events: EventExpectations;
}
/**
 * What must be true of the events of a step, or of the whole case.
 */
export interface EventExpectations {
  /**
   * Bounds on the number of events.
   *
   * @minItems 1
   */
  counts?: EventCount[];
  /**
   * These events occur in this order; others may come in between.
   *
   * @minItems 2
   */
  order?: EventPattern[];
  /**
   * The events of these kinds are these, in this order, and no more.
   */
  exactly?: {
    /**
     * @minItems 1
     */
    of: EventName[];
    sequence: EventPattern[];
  };
}
/**
 * How many events of a kind (and with such fields) there must be.
 */
export interface EventCount {
  event: EventName;
  where?: Fields;
  count: Count;
}
/**
 * Fields and the values they must have; 64-bit values, gfns and addresses as hexadecimal strings. An array means one of its members.
 */
export interface Fields {
  [k: string]: FieldValue | FieldValue[];
}
/**
 * An event and what its fields must be.
 */
export interface EventPattern {
  event: EventName;
  where?: Fields;
}
/**
 * KVM_SET_USER_MEMORY_REGION.
 */
export interface SetMemoryRegionStep {
  do: "set_memory_region";
  /**
   * For the reader.
   */
  note?: string;
  slot: number;
  /**
   * Address space; 0 if left out.
   */
  as?: number;
  /**
   * 1 log dirty pages, 2 read-only.
   */
  flags?: number;
  gpa: Hex;
  /**
   * Unsigned 64-bit value, lower-case hexadecimal without leading zeros.
   */
  size: string;
  hva: Hex;
  expect?: {
    result?: ExpectedResult;
    events?: EventExpectations;
  };
}
/**
 * One access of the guest: exactly one of gpa (direct paging) and gva (shadowed guest page tables).
 */
export interface AccessStep {
  do: "access";
  /**
   * For the reader.
   */
  note?: string;
  vcpu: Vcpu;
  gpa?: Hex;
  gva?: Hex;
  kind?: "read" | "write" | "fetch";
  /**
   * Bytes; 8 if left out.
   */
  size?: 1 | 2 | 4 | 8;
  /**
   * Unsigned 64-bit value, lower-case hexadecimal without leading zeros.
   */
  value?: string;
  expect?: AccessExpectation;
}
/**
 * What must be true of an access.
 */
export interface AccessExpectation {
  /**
   * How the access ends; several where the specification leaves it open.
   */
  outcome?: ExpectedOutcome | OutcomeName[];
  /**
   * How an MMIO exit was found out.
   */
  via?: ("cache" | "spte" | "fault") | ("cache" | "spte" | "fault")[];
  /**
   * The host address reached; `taken-back` when the host has given that page to somebody else.
   */
  hva?: Hex | "taken-back";
  /**
   * Unsigned 64-bit value, lower-case hexadecimal without leading zeros.
   */
  value?: string;
  events?: EventExpectations;
}
/**
 * Writes an entry of a guest page table: by userspace (gpa), or by the guest (vcpu and gva).
 */
export interface WriteGuestTableStep {
  do: "write_guest_table";
  /**
   * For the reader.
   */
  note?: string;
  /**
   * Unsigned 64-bit value, lower-case hexadecimal without leading zeros.
   */
  gpa?: string;
  vcpu?: Vcpu;
  /**
   * Unsigned 64-bit value, lower-case hexadecimal without leading zeros.
   */
  gva?: string;
  entry: Hex;
  size?: 1 | 2 | 4 | 8;
  expect?: AccessExpectation;
}
/**
 * Short for the userspace writes that map a range in the guest's page tables (present, writable, user).
 */
export interface MapGuestRangeStep {
  do: "map_guest_range";
  /**
   * For the reader.
   */
  note?: string;
  /**
   * Unsigned 64-bit value, lower-case hexadecimal without leading zeros.
   */
  root: string;
  gva: Hex;
  gpa: Hex;
  npages: number;
  /**
   * Map 2M pages; npages counts those.
   */
  large?: boolean;
  expect?: EventsOnly;
}
/**
 * The guest loads CR3.
 */
export interface LoadCr3Step {
  do: "load_cr3";
  /**
   * For the reader.
   */
  note?: string;
  vcpu: Vcpu;
  cr3: Hex;
  expect?: EventsOnly;
}
/**
 * The guest invalidates one virtual address.
 */
export interface InvlpgStep {
  do: "invlpg";
  /**
   * For the reader.
   */
  note?: string;
  vcpu: Vcpu;
  gva: Hex;
  expect?: EventsOnly;
}
/**
 * The vCPU enters system management mode: address space 1, no paging.
 */
export interface EnterSmmStep {
  do: "enter_smm";
  /**
   * For the reader.
   */
  note?: string;
  vcpu: Vcpu;
  expect?: EventsOnly;
}
/**
 * The vCPU leaves system management mode.
 */
export interface LeaveSmmStep {
  do: "leave_smm";
  /**
   * For the reader.
   */
  note?: string;
  vcpu: Vcpu;
  expect?: EventsOnly;
}
/**
 * The address space of the VM's owner goes away; vCPUs may still run.
 */
export interface FlushShadowAllStep {
  do: "flush_shadow_all";
  /**
   * For the reader.
   */
  note?: string;
  expect?: EventsOnly;
}
/**
 * The last reference goes: memory is flushed, vCPUs drop their roots.
 */
export interface DestroyVmStep {
  do: "destroy_vm";
  /**
   * For the reader.
   */
  note?: string;
  expect?: EventsOnly;
}
/**
 * The host is short of memory and asks for shadow pages.
 */
export interface ShrinkStep {
  do: "shrink";
  /**
   * For the reader.
   */
  note?: string;
  expect?: {
    freed?: number;
    events?: EventExpectations;
  };
}
/**
 * The host takes a page back and gives it to somebody else.
 */
export interface HostReleaseStep {
  do: "host_release";
  /**
   * For the reader.
   */
  note?: string;
  hva: Hex;
  expect?: EventsOnly;
}
/**
 * Somebody wants mmu_lock or the CPU.
 */
export interface ContendStep {
  do: "contend";
  /**
   * For the reader.
   */
  note?: string;
  /**
   * The CPU is wanted, or mmu_lock (counts with preempt only).
   */
  who: "cpu" | "lock";
  /**
   * From now on always, never, or at the nth questions; a want stays until the lock was dropped once.
   */
  when: ("always" | "never") | number[];
  expect?: EventsOnly;
}
/**
 * Fault injection.
 */
export interface InjectStep {
  do: "inject";
  /**
   * For the reader.
   */
  note?: string;
  what: "mmio_cached" | "generation";
  page?: Fields1;
  as?: AddressSpace;
  /**
   * Unsigned 64-bit value, lower-case hexadecimal without leading zeros.
   */
  generation?: string;
  expect?: EventsOnly;
}
/**
 * Fields and the values they must have; 64-bit values, gfns and addresses as hexadecimal strings. An array means one of its members.
 */
export interface Fields1 {
  [k: string]: FieldValue | FieldValue[];
}
/**
 * Calls one internal function by itself.
 */
export interface ProbeStep {
  do: "probe";
  /**
   * For the reader.
   */
  note?: string;
  what:
    | "kvm_mmu_flush_or_zap"
    | "kvm_mmu_remote_flush_or_zap"
    | "encode_generation"
    | "decode_generation"
    | "memslots_updated_hook"
    | "kvm_mmu_invalidate_mmio_sptes";
  /**
   * Whether prepared pages are on the list.
   */
  list?: "empty" | "pages";
  remote_flush?: boolean;
  local_flush?: boolean;
  generation?: Hex;
  /**
   * Unsigned 64-bit value, lower-case hexadecimal without leading zeros.
   */
  raw?: string;
  gfn?: Hex;
  access?: number;
  architecture?: "arm" | "mips" | "powerpc" | "s390" | "x86";
  expect?: {
    result?: Fields;
    events?: EventExpectations;
  };
}
/**
 * Declared facts, which no scenario can show.
 */
export interface FactsStep {
  do: "facts";
  /**
   * For the reader.
   */
  note?: string;
  expect?: {
    /**
     * The named flag bit; null before it has a name.
     */
    memslot_update_in_progress_bit?: number | null;
    mmio_generation_width?: 32 | 64;
    hook_argument?: "memslots" | "generation";
    /**
     * Tracepoints and their fields; null for one that must not be there.
     */
    tracepoints?: {
      [k: string]: string[] | null;
    };
    /**
     * Topics of the MMU document, all of them.
     */
    mmu_document?: ("zap-all-by-generation" | "mmu_valid_gen" | "mmio-generation")[];
    operations?: {
      present?: string[];
      absent?: string[];
      /**
       * These come in this order.
       */
      order?: string[];
    };
  };
}
/**
 * Steps, several times.
 */
export interface RepeatStep {
  do: "repeat";
  /**
   * For the reader.
   */
  note?: string;
  times: number;
  /**
   * @minItems 1
   */
  steps: Step[];
  expect?: EventsOnly;
}
/**
 * Several threads at a time.
 */
export interface ThreadsStep {
  do: "threads";
  /**
   * For the reader.
   */
  note?: string;
  /**
   * Steps of each thread, by its name.
   */
  threads: {
    /**
     * @minItems 1
     */
    [k: string]: Step[];
  };
  /**
   * Who runs how far; afterwards all run to their ends, in the order they are listed.
   *
   * @minItems 1
   */
  schedule: ScheduleItem[];
  expect?: EventsOnly;
}
/**
 * Looks at the state.
 */
export interface SnapshotStep {
  do: "snapshot";
  /**
   * For the reader.
   */
  note?: string;
  expect?: {
    memslots?: {
      as: AddressSpace;
      generation?: Hex;
      in_flux?: boolean;
      /**
       * Ids of the slots, ascending.
       */
      slots?: number[];
    }[];
    /**
     * Shadow pages in use, by their fields.
     */
    pages?: {
      where?: Fields;
      count: Count;
    }[];
    entries?: {
      vcpu: Vcpu;
      gpa?: Hex;
      gva?: Hex;
      is: EntryExpectation;
    }[];
    /**
     * The per-vCPU MMIO caches; null for an empty one.
     */
    cache?: {
      vcpu: Vcpu;
      is: null | {
        gva?: Hex;
        gfn?: Hex;
        generation?: Hex;
        /**
         * Whether it would answer now.
         */
        matches?: boolean;
      };
    }[];
    tlb?: {
      vcpu: Vcpu;
      gpa?: Hex;
      gva?: Hex;
      is:
        | "absent"
        | {
            hva?: Hex;
            writable?: boolean;
          };
    }[];
    requests?: {
      vcpu: Vcpu;
      is: ("MMU_RELOAD" | "MMU_SYNC" | "TLB_FLUSH")[];
    }[];
    counters?: {
      [k: string]: Count;
    };
  };
}
/**
 * The entry where the walk for an address ends.
 */
export interface EntryExpectation {
  kind?: "none" | "mmio" | "leaf" | "table";
  gfn?: Hex;
  generation?: Hex;
  access?: number;
  level?: number;
  hva?: Hex;
  writable?: boolean;
  raw?: Hex;
}
