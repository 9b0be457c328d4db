import { kvm_mmu_commit_zap_page } from "../kernel/free.ts";
import type { Kvm } from "../machine/kvm.ts";
import { cond_resched_lock, need_resched_or_break } from "../machine/mmu-lock.ts";
import { PageList } from "../machine/page-list.ts";
import type { Operations } from "../operations.ts";

type Free = (kvm: Kvm, invalid_list: PageList) => void;

/**
 * What `kvm_zap_obsolete_pages` is made of, for mutants of patches 16, 17 and 18: they put one part
 * wrong.
 */
interface Parts {
  /** What is done with a page, in this order. */
  readonly order: readonly ("obsolete?" | "invalid?" | "wanted?" | "zap")[];
  /** Zapped pages before the question is asked again; 0: it is asked for every page. */
  readonly batch: number;
  readonly countsForBatch: (zapped: number) => number;
  readonly batchEndsWithBreak: boolean;
  readonly beforeEachQuestion: Free;
  readonly beforeBreak: Free;
  readonly afterBreak: Free;
  readonly goesOnWith: "restart" | "next";
  readonly atEnd: Free;
}

export const nothing: Free = () => undefined;

/** As patch 17 has it. */
const PARTS: Parts = {
  order: ["obsolete?", "invalid?", "wanted?", "zap"],
  batch: 10,
  countsForBatch: (zapped) => zapped,
  batchEndsWithBreak: true,
  beforeEachQuestion: nothing,
  beforeBreak: kvm_mmu_commit_zap_page,
  afterBreak: nothing,
  goesOnWith: "restart",
  atEnd: kvm_mmu_commit_zap_page,
};

/** The walk of patch 17 with other parts. */
export const obsoleteWalk =
  (parts: Partial<Parts>) => (): Pick<Operations, "kvm_zap_obsolete_pages"> => ({
    *kvm_zap_obsolete_pages(kvm) {
      const { ops } = kvm;
      const walk = { ...PARTS, ...parts };
      const invalid_list = new PageList();
      let batch = 0;
      yield* ops.walkPages(kvm, "kvm_zap_obsolete_pages", "oldest-first", function* (sp) {
        let zapped = 0;
        for (const part of walk.order) {
          if (part === "obsolete?" && !ops.is_obsolete_sp(kvm, sp)) return "stop";
          if (part === "invalid?" && sp.invalid) return "next";
          if (part === "zap") {
            zapped = ops.kvm_mmu_prepare_zap_page(kvm, sp, invalid_list);
            batch += walk.countsForBatch(zapped);
          }
          if (part !== "wanted?" || batch < walk.batch) continue;
          walk.beforeEachQuestion(kvm, invalid_list);
          if (!need_resched_or_break(kvm)) continue;
          if (walk.batchEndsWithBreak) batch = 0;
          walk.beforeBreak(kvm, invalid_list);
          yield* cond_resched_lock(kvm);
          walk.afterBreak(kvm, invalid_list);
          return walk.goesOnWith;
        }
        return zapped > 0 ? "restart" : "next";
      });
      walk.atEnd(kvm, invalid_list);
    },
  });
