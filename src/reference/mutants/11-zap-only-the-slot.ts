import { kvm_flush_remote_tlbs, kvm_reload_remote_mmus } from "../kernel/flush.ts";
import { kvm_mmu_commit_zap_page } from "../kernel/free.ts";
import { zapRmap } from "../kernel/links.ts";
import type { Kvm } from "../machine/kvm.ts";
import type { Memslot } from "../machine/memslots.ts";
import {
  cond_resched_lock,
  need_resched_or_break,
  spin_lock,
  spin_unlock,
} from "../machine/mmu-lock.ts";
import { PageList } from "../machine/page-list.ts";
import type { Rmap } from "../machine/rmap.ts";
import type { ShadowPage } from "../machine/shadow-page.ts";
import type { Task } from "../machine/thread.ts";
import { type Mutant, mutantsOf, without } from "./mutant.ts";

/** The patch's handler in pieces, each of which can be got wrong by itself. */
interface Pieces {
  /** Goes through the slot even if there are no shadow pages at all. */
  readonly evenIfEmpty: boolean;
  readonly pagesFirst: boolean;
  /** The rmap pass. @returns whether a flush is owed. */
  readonly rmaps: (kvm: Kvm, slot: Memslot) => Task<boolean>;
  /** First and last gfn of the page pass. */
  readonly gfns: (slot: Memslot) => readonly [number, number];
  readonly pagesOf: (kvm: Kvm, gfn: number, slot: Memslot) => Iterable<ShadowPage>;
  /** What comes after a gfn of the page pass. @returns whether a flush is still owed. */
  readonly afterGfn: (kvm: Kvm, list: PageList, flush: boolean) => Task<boolean>;
  readonly atEnd: (kvm: Kvm, list: PageList, flush: boolean) => void;
}

const inLevel =
  (handle: "slot_handle_all_level" | "slot_handle_large_level" | "slot_handle_leaf") =>
  (kvm: Kvm, slot: Memslot, flushInside = false): Task<boolean> =>
    kvm.ops[handle](kvm, slot, zapOf(kvm), flushInside);

const zapOf = (kvm: Kvm) => (rmap: Rmap, index: number) => zapRmap(kvm, rmap, index);

const allRmaps = inLevel("slot_handle_all_level");

const flushOrZap = (kvm: Kvm, list: PageList, flush: boolean): void => {
  kvm.ops.kvm_mmu_remote_flush_or_zap(kvm, list, flush);
};

/** Gives up the lock if it is wanted, after `first`. */
const breakAfter = (first: Pieces["atEnd"], stillOwed: (flush: boolean) => boolean) =>
  function* (kvm: Kvm, list: PageList, flush: boolean): Task<boolean> {
    if (!need_resched_or_break(kvm)) return flush;
    first(kvm, list, flush);
    yield* cond_resched_lock(kvm);
    return stillOwed(flush);
  };

const nothing = (): void => undefined;
const never = (): boolean => false;
const asBefore = (flush: boolean): boolean => flush;

const RIGHT: Pieces = {
  evenIfEmpty: false,
  pagesFirst: false,
  rmaps: (kvm, slot) => allRmaps(kvm, slot),
  gfns: ({ base_gfn, npages }) => [base_gfn, base_gfn + npages - 1],
  pagesOf: (kvm, gfn) => kvm.ops.for_each_valid_sp(kvm, gfn),
  afterGfn: breakAfter(flushOrZap, never),
  atEnd: flushOrZap,
};

const handler = (wrong: Partial<Pieces>): Mutant["apply"] => {
  const pieces = { ...RIGHT, ...wrong };
  return () => ({
    *kvm_mmu_invalidate_zap_pages_in_memslot(kvm, slot) {
      const list = new PageList();
      let flush = false;
      const rmapPass = function* (): Task<void> {
        if (yield* pieces.rmaps(kvm, slot)) flush = true;
      };
      const pagePass = function* (): Task<void> {
        const [first, last] = pieces.gfns(slot);
        for (let gfn = first; gfn <= last; gfn++) {
          for (const sp of pieces.pagesOf(kvm, gfn, slot)) {
            kvm.ops.kvm_mmu_prepare_zap_page(kvm, sp, list);
          }
          flush = yield* pieces.afterGfn(kvm, list, flush);
        }
      };
      yield* spin_lock(kvm);
      if (pieces.evenIfEmpty || !kvm.active_mmu_pages.isEmpty) {
        const passes = pieces.pagesFirst ? [pagePass, rmapPass] : [rmapPass, pagePass];
        for (const pass of passes) yield* pass();
        pieces.atEnd(kvm, list, flush);
      }
      spin_unlock(kvm);
    },
  });
};

/** Does something more before the patch's handler. */
const before = (first: (kvm: Kvm) => void): Mutant["apply"] =>
  function (ops) {
    return {
      *kvm_mmu_invalidate_zap_pages_in_memslot(kvm, slot) {
        first(kvm);
        yield* ops.kvm_mmu_invalidate_zap_pages_in_memslot(kvm, slot);
      },
    };
  };

/** Only those of a gfn's pages that fit. */
const pagesThat = (fit: (sp: ShadowPage, kvm: Kvm, slot: Memslot) => boolean): Mutant["apply"] =>
  handler({
    *pagesOf(kvm, gfn, slot) {
      for (const sp of RIGHT.pagesOf(kvm, gfn, slot)) if (fit(sp, kvm, slot)) yield sp;
    },
  });

const isIn = (kvm: Kvm, slot: Memslot, smm: boolean): boolean =>
  kvm.memslots[smm ? 1 : 0]?.slots.includes(slot) ?? false;

export const mutants11 = mutantsOf(11, {
  "still-fast-invalidate": {
    title: "the handler is not changed",
    apply: without("kvm_mmu_invalidate_zap_pages_in_memslot"),
  },
  "rmap-pass-only": {
    title: "no shadow page is zapped",
    apply: handler({ gfns: () => [0, -1] }),
  },
  "page-pass-only": {
    title: "no rmap is zapped",
    apply: handler({
      *rmaps() {
        return false;
      },
    }),
  },
  "pages-first": {
    title: "the shadow pages are zapped before the rmaps",
    apply: handler({ pagesFirst: true }),
  },
  "4k-rmaps-only": {
    title: "only the rmaps of 4K pages are zapped",
    apply: handler({ rmaps: (kvm, slot) => inLevel("slot_handle_leaf")(kvm, slot) }),
  },
  "large-rmaps-only": {
    title: "only the rmaps of large pages are zapped",
    apply: handler({ rmaps: (kvm, slot) => inLevel("slot_handle_large_level")(kvm, slot) }),
  },
  "no-1g-rmaps": {
    title: "the rmaps of 1G pages are forgotten",
    apply: handler({
      rmaps: (kvm, slot) => kvm.ops.slot_handle_level(kvm, slot, zapOf(kvm), 1, 2, false),
    }),
  },
  "rmap-of-last-gfn-forgotten": {
    title: "the rmap pass ends one gfn too early",
    apply: handler({ rmaps: (kvm, slot) => allRmaps(kvm, { ...slot, npages: slot.npages - 1 }) }),
  },
  "rmaps-of-every-address-space": {
    title: "the rmaps of the slots with that id in all address spaces are zapped",
    apply: handler({
      *rmaps(kvm, slot) {
        let flush = false;
        for (const set of kvm.memslots) {
          const same = set.id_to_memslot(slot.id);
          if (same !== null && (yield* allRmaps(kvm, same))) flush = true;
        }
        return flush;
      },
    }),
  },
  "rmap-flush-forgotten": {
    title: "the rmap pass is not asked whether a flush is owed",
    apply: handler({
      *rmaps(kvm, slot) {
        yield* allRmaps(kvm, slot);
        return false;
      },
    }),
  },
  "rmap-pass-flushes-itself": {
    title: "the rmap pass flushes for itself, and then the tables are flushed for",
    apply: handler({ rmaps: (kvm, slot) => allRmaps(kvm, slot, true) }),
  },
  "always-flush": {
    title: "a flush is owed from the start",
    apply: handler({
      *rmaps(kvm, slot) {
        yield* allRmaps(kvm, slot);
        return true;
      },
    }),
  },
  "end-forgotten": {
    title: "nothing is freed or flushed at the end",
    apply: handler({ atEnd: nothing }),
  },
  "end-frees-only": {
    title: "at the end pages are freed, but nothing is flushed if there are none",
    apply: handler({
      atEnd: (kvm, list) => {
        kvm_mmu_commit_zap_page(kvm, list);
      },
    }),
  },
  "empty-list-not-looked-at": {
    title: "goes through the slot though there are no shadow pages",
    apply: handler({ evenIfEmpty: true }),
  },
  "obsolete-mark-left-on": {
    title: "a new generation of shadow pages begins all the same",
    apply: before((kvm) => {
      kvm.mmu_valid_gen++;
    }),
  },
  "reload-left-on": {
    title: "all roots are reloaded all the same",
    apply: before(kvm_reload_remote_mmus),
  },
  "one-gfn-too-many": {
    title: "the page pass takes the gfn behind the slot, too",
    apply: handler({ gfns: ({ base_gfn, npages }) => [base_gfn, base_gfn + npages] }),
  },
  "one-gfn-too-few": {
    title: "the page pass leaves the last gfn out",
    apply: handler({ gfns: ({ base_gfn, npages }) => [base_gfn, base_gfn + npages - 2] }),
  },
  "first-gfn-left-out": {
    title: "the page pass begins with the second gfn",
    apply: handler({ gfns: ({ base_gfn, npages }) => [base_gfn + 1, base_gfn + npages - 1] }),
  },
  "covering-tables-too": {
    title: "the page pass begins at the start of the 2M region",
    apply: handler({
      gfns: ({ base_gfn, npages }) => [base_gfn - (base_gfn % 512), base_gfn + npages - 1],
    }),
  },
  "offsets-for-gfns": {
    title: "pages are looked up by their offset in the slot",
    apply: handler({ gfns: ({ npages }) => [0, npages - 1] }),
  },
  "direct-pages-only": {
    title: "shadow pages of guest page tables are left alone",
    apply: pagesThat((sp) => sp.role.direct),
  },
  "guest-tables-only": {
    title: "direct shadow pages are left alone",
    apply: pagesThat((sp) => !sp.role.direct),
  },
  "level-1-only": {
    title: "only tables of leaf entries are zapped",
    apply: pagesThat((sp) => sp.role.level === 1),
  },
  "roots-spared": {
    title: "roots in use are left alone",
    apply: pagesThat((sp) => sp.root_count === 0),
  },
  "own-address-space-only": {
    title: "pages of the other address space are left alone",
    apply: pagesThat((sp, kvm, slot) => isIn(kvm, slot, sp.role.smm)),
  },
  "first-page-of-a-gfn-only": {
    title: "only the newest page of each gfn is zapped",
    apply: handler({ pagesOf: (kvm, gfn) => [...kvm.ops.for_each_valid_sp(kvm, gfn)].slice(0, 1) }),
  },
  "invalid-pages-too": {
    title: "roots that are invalid already are zapped again",
    apply: handler({ pagesOf: (kvm, gfn) => kvm.mmu_page_hash.of(gfn) }),
  },
  "no-break-in-page-pass": {
    title: "the page pass keeps the lock, whoever wants it",
    apply: handler({
      *afterGfn(_kvm, _list, flush) {
        return flush;
      },
    }),
  },
  "break-flushes-nothing": {
    title: "the page pass drops the lock with everything unflushed",
    apply: handler({ afterGfn: breakAfter(nothing, asBefore) }),
  },
  "break-frees-only": {
    title: "before a break pages are freed, but what the rmaps owe waits for the end",
    apply: handler({
      afterGfn: breakAfter((kvm, list) => {
        kvm_mmu_commit_zap_page(kvm, list);
      }, asBefore),
    }),
  },
  "break-flushes-only": {
    title: "before a break TLBs are flushed, but pages wait for the end",
    apply: handler({
      afterGfn: breakAfter((kvm, _list, flush) => {
        if (flush) kvm_flush_remote_tlbs(kvm, "kvm_mmu_remote_flush_or_zap");
      }, never),
    }),
  },
  "flush-owed-for-ever": {
    title: "a flush that a break has paid for counts as owed on",
    apply: handler({ afterGfn: breakAfter(flushOrZap, asBefore) }),
  },
  "freed-gfn-by-gfn": {
    title: "pages are freed after every gfn, with a flush each",
    apply: handler({
      *afterGfn(kvm, list, flush) {
        kvm_mmu_commit_zap_page(kvm, list);
        return yield* RIGHT.afterGfn(kvm, list, flush);
      },
    }),
  },
});
