import type { base } from "./base/index.ts";
import type { Kvm } from "./machine/kvm.ts";
import type { PageList } from "./machine/page-list.ts";
import type { ShadowPage } from "./machine/shadow-page.ts";
import type { Task } from "./machine/thread.ts";
import { ModelBug } from "./machine/failures.ts";

/**
 * What a patch of the series adds. A layer below the patch has a placeholder whose call is a
 * `ModelBug`.
 */
export interface IntroducedOperations {
  /**
   * The shift that takes bit 0 of the generation field to bit 0 of the MMIO generation: how far
   * MMIO_SPTE_GEN_MASK starts above bit 0. Introduced by patch 06 (1), changed by 08 (0).
   */
  readonly MMIO_SPTE_GEN_SHIFT: bigint;
  /**
   * Frees prepared pages or flushes remotely; @returns false when there was nothing to do. Patch
   * 10.
   */
  kvm_mmu_remote_flush_or_zap(kvm: Kvm, invalid_list: PageList, remote_flush: boolean): boolean;
  /** Zaps all pages that hold or once held MMIO SPTEs. Patch 13; gone with 27. */
  kvm_mmu_zap_mmio_sptes(kvm: Kvm): Task<void>;
  /** Zaps all pages. Patch 21. */
  kvm_mmu_zap_all(kvm: Kvm): Task<void>;
  /**
   * As kvm_mmu_prepare_zap_page, and whether other pages than this one left the active list. Patch
   * 25.
   */
  __kvm_mmu_prepare_zap_page(kvm: Kvm, sp: ShadowPage, invalid_list: PageList): Prepared;
  /** The walk of the two functions above. Patch 27. */
  __kvm_mmu_zap_all(kvm: Kvm, mmio_only: boolean): Task<void>;
}

export interface Prepared {
  /** Pages that went on the list. */
  readonly nr_zapped: number;
  /** Unsync descendants were among them: a walk over the active list must start again. */
  readonly list_unstable: boolean;
}

/** The table that the functions of a composition call each other through. */
export type Operations = {
  readonly [Name in keyof typeof base]: Widen<(typeof base)[Name]>;
} & IntroducedOperations;

/** Constants of the base may take other values of their type above. */
type Widen<T> = T extends number ? number : T extends bigint ? bigint : T;

export type OperationName = keyof Operations;

const ABSENT = new WeakSet<object>();

/** A placeholder for what a composition does not have: not introduced yet, or removed. */
export function absent(name: string, why: string): never {
  const placeholder = (): never => {
    throw new ModelBug(`${name} was called, but ${why}`);
  };
  ABSENT.add(placeholder);
  return placeholder as never;
}

export const isAbsent = (operation: unknown): boolean =>
  typeof operation === "function" && ABSENT.has(operation);
