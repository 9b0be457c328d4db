import type { MmuDocumentTopic } from "../base/mmuDocument.ts";
import { noInvalidateAllTracepoint } from "../layers/19-no-invalidate-all-tracepoint.ts";
import { noValidGenInTracepoints } from "../layers/20-no-valid-gen-in-tracepoints.ts";
import { teardownZapsAll } from "../layers/21-teardown-zaps-all.ts";
import { absent } from "../operations.ts";
import { type Mutant, mutantsOf, without } from "./mutant.ts";

const document = (...mmuDocument: MmuDocumentTopic[]): Mutant["apply"] =>
  function () {
    return { mmuDocument };
  };

export const mutants12 = mutantsOf(12, {
  "not-reverted": {
    title: "the document is as it was",
    apply: without("mmuDocument"),
  },
  "section-left": {
    title: "the section on zapping by generation stays, only the field goes",
    apply: document("zap-all-by-generation", "mmio-generation"),
  },
  "field-left": {
    title: "the section goes, but mmu_valid_gen is still explained as a field of a shadow page",
    apply: document("mmu_valid_gen", "mmio-generation"),
  },
  "mmio-section-gone": {
    title: "the section on the generation of MMIO SPTEs goes as well",
    apply: document(),
  },
  "tracepoint-too": {
    title: "the tracepoint goes with the document",
    apply: (ops) => noInvalidateAllTracepoint.apply(ops, () => true),
  },
  "trace-field-too": {
    title: "the field that is documented no longer is no longer traced",
    apply: (ops) => noValidGenInTracepoints.apply(ops, () => true),
  },
  "code-too": {
    title: "the walk over obsolete pages goes with the document",
    apply: () => ({
      kvm_zap_obsolete_pages: absent("kvm_zap_obsolete_pages", "it is gone too early"),
    }),
  },
  "teardown-too": {
    title: "teardown stops using what the document described",
    apply: (ops) => teardownZapsAll.apply(ops, () => true),
  },
  "wrong-commit-reverted": {
    title: "removing a slot is a fast invalidate again",
    apply: () => ({
      *kvm_mmu_invalidate_zap_pages_in_memslot(kvm) {
        yield* kvm.ops.kvm_mmu_invalidate_zap_all_pages(kvm);
      },
    }),
  },
});
