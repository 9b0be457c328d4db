import type { Kvm } from "../machine/kvm.ts";

/**
 * What is done before `mmu_lock` is dropped in a walk, whatever the walk itself does: nothing. A
 * seam in cond_resched_lock for erratum E2's remedy.
 */
export function beforeLockBreak(_kvm: Kvm): void {
  // Nothing: a flush that is owed stays owed.
}
