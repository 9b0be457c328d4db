import type { Kvm } from "./kvm.ts";
import type { ShadowPage } from "./shadow-page.ts";

/** A shadow page as it was when an event named it. */
export interface PageState {
  readonly id: number;
  readonly gfn: number;
  readonly level: number;
  readonly direct: boolean;
  readonly access: number;
  readonly smm: boolean;
  readonly invalid: boolean;
  readonly root_count: number;
  readonly unsync: boolean;
  readonly mmu_valid_gen: number;
}

export function pageState(sp: ShadowPage): PageState {
  const { id, gfn, invalid, root_count, unsync, mmu_valid_gen } = sp;
  const { level, direct, access, smm } = sp.role;
  return { id, gfn, level, direct, access, smm, invalid, root_count, unsync, mmu_valid_gen };
}

/** Why translations were flushed on all vCPUs: the kernel function that asked. */
export type FlushReason =
  | "kvm_mmu_commit_zap_page"
  | "kvm_mmu_flush_or_zap"
  | "kvm_mmu_remote_flush_or_zap"
  | "slot_handle_level_range"
  | "cond_resched_lock"
  | "kvm_mmu_slot_remove_write_access"
  | "kvm_mmu_notifier_invalidate_range_start"
  | "kvm_mmu_get_page"
  | "mmu_set_spte"
  | "drop_large_spte"
  | "validate_direct_spte"
  | "rmap_recycle"
  | "mmu_sync_children"
  | "sync_page"
  | "invlpg";

/**
 * What happened inside, in order. Addresses, gfns and ids are numbers; 64-bit values are bigints.
 */
export type Event =
  | { readonly event: "memslots.published"; readonly as: number; readonly generation: bigint }
  | { readonly event: "memslots.synchronized"; readonly as: number }
  | { readonly event: "memslots.generation"; readonly as: number; readonly generation: bigint }
  /**
   * The hook was called with `generation`; `published` is what readers of each address space saw
   * meanwhile.
   */
  | {
      readonly event: "memslots.arch-updated";
      readonly generation: bigint;
      readonly published: readonly bigint[];
    }
  | {
      readonly event: "mark_mmio_spte";
      readonly gfn: number;
      readonly access: number;
      readonly generation: bigint;
      readonly raw: bigint;
    }
  | {
      readonly event: "check_mmio_spte";
      readonly raw: bigint;
      readonly kvm_gen: bigint;
      readonly spte_gen: bigint;
      readonly valid: boolean;
    }
  | {
      readonly event: "handle_mmio_page_fault";
      readonly addr: number;
      readonly gfn: number;
      readonly access: number;
    }
  | {
      readonly event: "cache.fill";
      readonly vcpu: number;
      readonly gva: number;
      readonly gfn: number;
      readonly generation: bigint;
    }
  | { readonly event: "cache.hit"; readonly vcpu: number; readonly gfn: number }
  | {
      readonly event: "page_fault";
      readonly vcpu: number;
      readonly address: number;
      readonly error_code: number;
    }
  | { readonly event: "get_page"; readonly page: PageState; readonly created: boolean }
  | { readonly event: "unsync_page"; readonly page: PageState }
  | { readonly event: "sync_page"; readonly page: PageState }
  /** `returned` is filled in when the function returns; events of descendants come in between. */
  | { readonly event: "prepare_zap"; readonly page: PageState; returned: number }
  | { readonly event: "commit"; readonly pages: number }
  | { readonly event: "free"; readonly page: PageState }
  | { readonly event: "remote_flush"; readonly reason: FlushReason }
  | { readonly event: "local_flush"; readonly vcpu: number }
  | { readonly event: "reload" }
  | { readonly event: "lock_break" }
  | { readonly event: "walk_restart"; readonly walk: string }
  | {
      readonly event: "invalidate_zap_all_pages";
      readonly mmu_valid_gen: number;
      readonly used_pages: number;
    }
  | { readonly event: "warn"; readonly where: string };

export type EventName = Event["event"];

/** The kernel noticed something that should not be: WARN_ON. An event; the run goes on. */
export function warn(kvm: Kvm, where: string): void {
  kvm.log?.push({ event: "warn", where });
}

/** WARN_ON_ONCE: the first time only, for the life of the machine. */
export function warnOnce(kvm: Kvm, where: string): void {
  if (kvm.warned.has(where)) return;
  kvm.warned.add(where);
  warn(kvm, where);
}
