import { kvm_flush_remote_tlbs } from "../kernel/flush.ts";
import { zapRmap } from "../kernel/links.ts";
import { gfn_to_index } from "../machine/memslots.ts";
import { cond_resched_lock, need_resched_or_break } from "../machine/mmu-lock.ts";
import type { OperationName } from "../operations.ts";
import { type Mutant, mutantsOf } from "./mutant.ts";

const HELPERS = [
  "slot_handle_level_range",
  "slot_handle_level",
  "slot_handle_all_level",
  "slot_handle_large_level",
  "slot_handle_leaf",
] as const;

/**
 * The patch only moves functions: what can go wrong is where they land, or what the hands did on
 * the way.
 */
const moved = (helpers: readonly OperationName[], before: OperationName): Mutant["place"] =>
  Object.fromEntries(helpers.map((name) => [name, before]));

const unchanged: Mutant["apply"] = () => ({});

/** slot_handle_level_range, typed in again. */
const range = (wrong: {
  readonly flushAtBreak?: (lock_flush_tlb: boolean) => boolean;
  readonly flushAtEnd?: (lock_flush_tlb: boolean) => boolean;
  readonly returned?: (flush: boolean) => boolean;
  readonly breaks?: boolean;
}): Mutant["apply"] => {
  const asAsked = (asked: boolean): boolean => asked;
  const { flushAtBreak = asAsked, flushAtEnd = asAsked, returned = asAsked, breaks = true } = wrong;
  return () => ({
    *slot_handle_level_range(
      kvm,
      slot,
      handler,
      { start_level, end_level, start_gfn, end_gfn },
      lock,
    ) {
      let flush = false;
      const flushIf = (wanted: boolean): void => {
        if (!flush || !wanted) return;
        kvm_flush_remote_tlbs(kvm, "slot_handle_level_range");
        flush = false;
      };
      for (let level = start_level; level <= end_level; level++) {
        const last = gfn_to_index(end_gfn, slot.base_gfn, level);
        for (let i = gfn_to_index(start_gfn, slot.base_gfn, level); i <= last; i++) {
          if (handler(slot.arch.rmap[level - 1]!, i)) flush = true;
          if (!breaks || !need_resched_or_break(kvm)) continue;
          flushIf(flushAtBreak(lock));
          yield* cond_resched_lock(kvm);
        }
      }
      flushIf(flushAtEnd(lock));
      return returned(flush);
    },
  });
};

// Left out: anything wrong with slot_handle_large_level, which nobody calls in the model (in the
// kernel, PML does).
export const mutants09 = mutantsOf(9, {
  "not-moved": {
    title: "the helpers stay below the handler",
    apply: unchanged,
    place: moved(HELPERS, "walkPages"),
  },
  "one-left-behind": {
    title: "one helper is forgotten in the old place",
    apply: unchanged,
    place: moved(["slot_handle_leaf"], "walkPages"),
  },
  "upside-down": {
    title: "moved one by one, so that callers come before what they call",
    apply: unchanged,
    place: moved(HELPERS.slice(1), "slot_handle_level_range"),
  },
  "last-gfn-lost": {
    title: "the last gfn of the slot is taken for the end of the range",
    apply: (ops) => ({
      slot_handle_level: (kvm, slot, handler, start, end, lock) =>
        ops.slot_handle_level(kvm, { ...slot, npages: slot.npages - 1 }, handler, start, end, lock),
    }),
  },
  "all-levels-without-large": {
    title: "the helper for all levels stops at 4K",
    apply: ({ slot_handle_leaf }) => ({ slot_handle_all_level: slot_handle_leaf }),
  },
  "all-levels-without-4k": {
    title: "the helper for all levels begins at 2M",
    apply: ({ slot_handle_large_level }) => ({ slot_handle_all_level: slot_handle_large_level }),
  },
  "leaf-goes-on-to-large": {
    title: "the helper for leaf tables takes all levels",
    apply: ({ slot_handle_all_level }) => ({ slot_handle_leaf: slot_handle_all_level }),
  },
  "leaf-never-flushes": {
    title: "the helper for leaf tables does not hand on that a flush is wanted",
    apply: (ops) => ({
      slot_handle_leaf: (kvm, slot, handler) => ops.slot_handle_leaf(kvm, slot, handler, false),
    }),
  },
  "flush-inverted": {
    title: "flushes for callers that do not want it, and not for those that do",
    apply: range({ flushAtBreak: (asked) => !asked, flushAtEnd: (asked) => !asked }),
  },
  "flush-lost-before-break": {
    title: "drops the lock without the flush that is wanted",
    apply: range({ flushAtBreak: () => false }),
  },
  "flush-lost-at-end": {
    title: "returns without the flush that is wanted",
    apply: range({ flushAtEnd: () => false }),
  },
  "flush-before-every-break": {
    title: "flushes before it drops the lock, asked or not",
    apply: range({ flushAtBreak: () => true }),
  },
  "owed-flush-not-returned": {
    title: "does not tell its caller that a flush is owed",
    apply: range({ returned: () => false }),
  },
  "break-lost": {
    title: "does not give up the lock",
    apply: range({ breaks: false }),
  },
  "handler-calls-them-already": {
    title: "the handler zaps the slot's rmaps, two patches too early",
    apply: (ops) => ({
      *kvm_mmu_invalidate_zap_pages_in_memslot(kvm, slot) {
        yield* ops.slot_handle_all_level(kvm, slot, (rmap, i) => zapRmap(kvm, rmap, i), true);
      },
    }),
  },
});
