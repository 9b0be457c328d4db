import { announceHook } from "../base/kvm_arch_memslots_updated.ts";
import { callHook, publishAndSynchronize, storeGeneration } from "../kernel/publish.ts";
import { KVM_MEMSLOT_INVALID } from "../machine/constants.ts";
import { warn } from "../machine/events.ts";
import type { Kvm } from "../machine/kvm.ts";
import type { Memslots } from "../machine/memslots.ts";
import type { Task } from "../machine/thread.ts";
import { u64 } from "../machine/u64.ts";
import type { Operations } from "../operations.ts";
import { generationItself } from "../layers/01-hook-before-store.ts";
import { mutantsOf, without } from "./mutant.ts";

/** An install in progress. */
interface Install {
  readonly kvm: Kvm;
  readonly as_id: number;
  readonly slots: Memslots;
  /** The set that is replaced, and the numbers before, during and after. */
  readonly replaced: Memslots;
  readonly old: bigint;
  readonly flagged: bigint;
  readonly final: bigint;
}
type Step = (install: Install) => Task<void>;

const publish: Step = ({ kvm, as_id, slots }) => publishAndSynchronize(kvm, as_id, slots);
const store: Step = ({ kvm, as_id, slots, final }) => storeGeneration(kvm, as_id, slots, final);
const hookWith =
  (number: "old" | "flagged" | "final"): Step =>
  (install) =>
    callHook(install.kvm, install[number]);
const hook = hookWith("final");
const hookOnly = (when: (install: Install) => boolean): Step =>
  function* (install) {
    if (when(install)) yield* hook(install);
  };

/** `install_new_memslots` made of other steps. */
const steps = (...sequence: Step[]): (() => Pick<Operations, "install_new_memslots">) => {
  return () => ({
    *install_new_memslots(kvm, as_id, slots) {
      const replaced = kvm.memslots[as_id]!;
      const old = replaced.generation;
      if (old & 1n) warn(kvm, "install_new_memslots");
      slots.generation = u64(old + 1n);
      const flagged = slots.generation;
      const final = u64(old + BigInt(kvm.machine.addressSpaces * 2));
      const install = { kvm, as_id, slots, replaced, old, flagged, final };
      for (const step of sequence) yield* step(install);
    },
  });
};

const marksInvalid = ({ slots }: Install): boolean =>
  slots.slots.some(({ flags }) => (flags & KVM_MEMSLOT_INVALID) !== 0);
const movesNothing = ({ slots, replaced }: Install): boolean =>
  slots.slots.length === replaced.slots.length &&
  slots.slots.every(({ base_gfn }, i) => base_gfn === replaced.slots[i]?.base_gfn);

export const mutants01 = mutantsOf(1, {
  "install-left-as-it-was": {
    title: "the hook takes a number, but the install still passes the set, after the store",
    apply: without("install_new_memslots"),
  },
  "hooks-left-as-they-were": {
    title: "the install passes a number, but the hooks still expect the set",
    apply: without("kvm_arch_memslots_updated"),
  },
  "only-x86-hook-changed": {
    title: "the other four architectures keep the set as their parameter",
    apply: (ops, below) => ({
      kvm_arch_memslots_updated: {
        ...below.kvm_arch_memslots_updated,
        x86: ops.kvm_arch_memslots_updated.x86,
      },
    }),
  },
  "one-architecture-forgotten": {
    title: "s390 keeps the set as its parameter",
    apply: (ops, { kvm_arch_memslots_updated: { s390 } }) => ({
      kvm_arch_memslots_updated: { ...ops.kvm_arch_memslots_updated, s390 },
    }),
  },
  "hook-after-store": {
    title: "the hook takes the number, but is still called after it was stored",
    apply: steps(publish, store, hook),
  },
  "hook-called-twice": {
    title: "the old call was not taken out",
    apply: steps(publish, hook, store, hook),
  },
  "hook-before-publication": {
    title: "the hook is called before the set is published and its readers are gone",
    apply: steps(hook, publish, store),
  },
  "hook-given-old-number": {
    title: "the hook is given the number before the install",
    apply: steps(publish, hookWith("old"), store),
  },
  "hook-given-flagged-number": {
    title: "the hook is given the number in flux",
    apply: steps(publish, hookWith("flagged"), store),
  },
  "hook-reads-published-numbers": {
    title: "the x86 hook ignores its parameter and asks the published sets, which are old",
    apply: (ops) => ({
      kvm_arch_memslots_updated: {
        ...ops.kvm_arch_memslots_updated,
        *x86(kvm, updated) {
          announceHook(kvm, generationItself(updated));
          for (const { generation } of kvm.memslots) {
            yield* ops.kvm_mmu_invalidate_mmio_sptes(kvm, generation);
          }
        },
      },
    }),
  },
  "hook-not-for-flags-only": {
    title: "the hook is not called when only flags change",
    apply: steps(
      publish,
      hookOnly((install) => marksInvalid(install) || !movesNothing(install)),
      store,
    ),
  },
  "hook-not-for-first-of-two": {
    title: "the hook is not called for the install that makes a slot invalid",
    apply: steps(
      publish,
      hookOnly((install) => !marksInvalid(install)),
      store,
    ),
  },
  "hook-for-address-space-0-only": {
    title: "the hook is not called for address space 1",
    apply: steps(
      publish,
      hookOnly(({ as_id }) => as_id === 0),
      store,
    ),
  },
  "published-with-the-final-number": {
    title: "the set carries its final number while old readers are still there",
    apply: steps(
      function* (install) {
        install.slots.generation = install.final;
        yield* publish(install);
      },
      hook,
      store,
    ),
  },
  "flag-left-in-the-number": {
    title: "the stored number still has the in-progress bit",
    apply: steps(publish, hook, (install) => store({ ...install, final: install.final + 1n })),
  },
  "no-warning-when-in-flux": {
    title: "an install that starts in flux does not warn",
    apply: (ops) => ({
      *install_new_memslots(kvm, as_id, slots) {
        kvm.memslots[as_id]!.generation &= ~1n;
        yield* ops.install_new_memslots(kvm, as_id, slots);
      },
    }),
  },
});
