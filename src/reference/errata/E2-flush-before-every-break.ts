import { kvm_flush_remote_tlbs } from "../kernel/flush.ts";
import { erratum } from "../patch.ts";

/**
 * The slot removal of patch 11 carries the flush across the breaks of its rmap pass; the walks that
 * break since 14 (over MMIO tables) and 23 (over all tables) carry it to their end.
 */
export const flushBeforeEveryBreak = erratum({
  id: "E2",
  kind: "gap",
  title: "a pending TLB flush is carried across a lock break",
  affects: (has) => has(11) || has(14) || has(23),
  apply: () => ({
    beforeLockBreak(kvm) {
      if (kvm.unflushed) kvm_flush_remote_tlbs(kvm, "cond_resched_lock");
    },
  }),
});
