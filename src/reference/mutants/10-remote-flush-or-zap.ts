import { invertedListTest } from "../errata/E6-inverted-list-test.ts";
import { kvm_flush_remote_tlbs, requestLocalFlush } from "../kernel/flush.ts";
import { kvm_mmu_commit_zap_page } from "../kernel/free.ts";
import type { Operations } from "../operations.ts";
import { type Mutant, mutantsOf, without } from "./mutant.ts";

type Split = Operations["kvm_mmu_remote_flush_or_zap"];
type Whole = Operations["kvm_mmu_flush_or_zap"];

/** Another helper; `right` is the patch's own. */
const helper = (wrong: (right: Split) => Split): Mutant["apply"] =>
  function (ops) {
    return { kvm_mmu_remote_flush_or_zap: wrong(ops.kvm_mmu_remote_flush_or_zap) };
  };

const caller = (wrong: Whole): Mutant["apply"] =>
  function () {
    return { kvm_mmu_flush_or_zap: wrong };
  };

const flush = (kvm: Parameters<Split>[0]): void => {
  kvm_flush_remote_tlbs(kvm, "kvm_mmu_remote_flush_or_zap");
};

export const mutants10 = mutantsOf(10, {
  "helper-left-out": {
    title: "the helper is called and does not exist",
    apply: without("kvm_mmu_remote_flush_or_zap"),
  },
  "caller-not-split": {
    title: "the old function does everything by itself, as before",
    apply: without("kvm_mmu_flush_or_zap"),
  },
  "helper-below-its-caller": {
    title: "the helper is defined after the function that calls it",
    apply: () => ({}),
    place: { kvm_mmu_flush_or_zap: "kvm_mmu_remote_flush_or_zap" },
  },
  "flush-has-priority": {
    title: "version 1 of the series: with a remote flush asked for, pages are not freed",
    apply: helper((right) => (kvm, list, remote) => {
      if (!remote) return right(kvm, list, remote);
      flush(kvm);
      return true;
    }),
  },
  "inverted-list-test": {
    title: "the early return is taken when there are pages: erratum E6",
    apply: (ops) => invertedListTest.apply(ops, () => true),
  },
  "pages-need-a-remote-flush": {
    title: "without a remote flush nothing is done, whatever is on the list",
    apply: helper((right) => (kvm, list, remote) => remote && right(kvm, list, remote)),
  },
  "remote-flush-needs-pages": {
    title: "without pages nothing is done, whatever is asked for",
    apply: helper((right) => (kvm, list, remote) => !list.isEmpty && right(kvm, list, remote)),
  },
  "flush-on-top-of-the-commit": {
    title: "pages are freed, and then all vCPUs are flushed once more",
    apply: helper((right) => (kvm, list, remote) => {
      const pages = !list.isEmpty;
      const done = right(kvm, list, remote);
      if (pages && remote) flush(kvm);
      return done;
    }),
  },
  "nothing-done": {
    title: "the helper always says that it has done nothing",
    apply: helper((right) => (kvm, list, remote) => {
      right(kvm, list, remote);
      return false;
    }),
  },
  "something-done": {
    title: "the helper always says that it has done something",
    apply: helper((right) => (kvm, list, remote) => {
      right(kvm, list, remote);
      return true;
    }),
  },
  "answer-inverted": {
    title: "the helper says the opposite of what it has done",
    apply: helper((right) => (kvm, list, remote) => !right(kvm, list, remote)),
  },
  "answer-unheeded": {
    title: "the local request is made after a remote flush, too",
    apply: caller((vcpu, list, remote, local) => {
      vcpu.kvm.ops.kvm_mmu_remote_flush_or_zap(vcpu.kvm, list, remote);
      if (local) requestLocalFlush(vcpu);
    }),
  },
  "local-flush-first": {
    title: "a local flush asked for is taken for enough",
    apply: caller((vcpu, list, remote, local) => {
      if (local) requestLocalFlush(vcpu);
      else vcpu.kvm.ops.kvm_mmu_remote_flush_or_zap(vcpu.kvm, list, remote);
    }),
  },
  "local-flush-lost": {
    title: "the local request has gone with the split",
    apply: caller((vcpu, list, remote) => {
      vcpu.kvm.ops.kvm_mmu_remote_flush_or_zap(vcpu.kvm, list, remote);
    }),
  },
  "commit-inlined-twice": {
    title: "the old function frees the pages itself and then asks the helper about an empty list",
    apply: caller((vcpu, list, remote, local) => {
      kvm_mmu_commit_zap_page(vcpu.kvm, list);
      if (vcpu.kvm.ops.kvm_mmu_remote_flush_or_zap(vcpu.kvm, list, remote)) return;
      if (local) requestLocalFlush(vcpu);
    }),
  },
});
