import type { Tracepoints } from "../base/tracepoints.ts";
import type { Mutant } from "./mutant.ts";
import { mutantsOf, without } from "./mutant.ts";

/** These tracepoints keep the field. */
const forgotten =
  (...names: string[]): Mutant["apply"] =>
  ({ tracepoints }, below) => ({
    tracepoints: {
      ...tracepoints,
      ...Object.fromEntries(names.map((name) => [name, below.tracepoints[name] ?? []])),
    },
  });

/** A field goes from these tracepoints, too. */
const removed =
  (field: string, ...names: string[]): Mutant["apply"] =>
  ({ tracepoints }) => ({
    tracepoints: Object.fromEntries(
      Object.entries(tracepoints).map(([name, fields]) => [
        name,
        names.includes(name) ? fields.filter((other) => other !== field) : fields,
      ]),
    ) satisfies Tracepoints,
  });

// The text that the tracepoints print is no declared fact: a field that is only printed is seen in
// recordings.
export const mutants20 = mutantsOf(20, {
  "left-out": {
    title: "all four tracepoints keep the field",
    apply: without("tracepoints"),
  },
  "get-page-forgotten": {
    title: "the tracepoint that is declared by itself keeps the field",
    apply: forgotten("kvm_mmu_get_page"),
  },
  "zap-forgotten": {
    title: "the tracepoint of the zap keeps the field",
    apply: forgotten("kvm_mmu_prepare_zap_page"),
  },
  "unsync-forgotten": {
    title: "the tracepoint of a page that goes out of step keeps the field",
    apply: forgotten("kvm_mmu_unsync_page"),
  },
  "sync-forgotten": {
    title: "the tracepoint of a page that comes into step keeps the field",
    apply: forgotten("kvm_mmu_sync_page"),
  },
  "root-count-removed-too": {
    title: "the field next to it goes from the zap, too",
    apply: removed("root_count", "kvm_mmu_prepare_zap_page"),
  },
  "memslot-generation-removed-too": {
    title: "mark_mmio_spte loses its generation, which is one of the memslots",
    apply: removed("gen", "mark_mmio_spte"),
  },
  "created-removed-too": {
    title: "a page that is looked up no longer says whether it is new",
    apply: removed("created", "kvm_mmu_get_page"),
  },
  "pages-forget-their-age": {
    title: "the page loses the number with its tracepoints: none is ever obsolete",
    apply: () => ({ is_obsolete_sp: () => false }),
  },
  "pages-are-not-stamped": {
    title: "the number is not put into new pages any more: after one teardown all are obsolete",
    apply: () => ({ is_obsolete_sp: (kvm) => kvm.mmu_valid_gen !== 0 }),
  },
});
