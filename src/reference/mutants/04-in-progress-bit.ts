import { callHook, publishAndSynchronize, storeGeneration } from "../kernel/publish.ts";
import { warn } from "../machine/events.ts";
import { u64 } from "../machine/u64.ts";
import type { Override } from "../compose.ts";
import { mutantsOf, without } from "./mutant.ts";

/** The numbers of an install: whether it warns, what it publishes and what it ends with. */
interface Numbers {
  readonly warns: (old: bigint) => boolean;
  readonly published: (old: bigint) => bigint;
  readonly final: (published: bigint, step: bigint) => bigint;
}

const FLAG = 1n;
const RIGHT: Numbers = {
  warns: (old) => (old & FLAG) !== 0n,
  published: (old) => old | FLAG,
  final: (published, step) => (published & ~FLAG) + step,
};

/** `install_new_memslots` with other numbers. */
const install =
  (wrong: Partial<Numbers>): Override["apply"] =>
  () => ({
    *install_new_memslots(kvm, as_id, slots) {
      const { warns, published, final } = { ...RIGHT, ...wrong };
      const old = kvm.memslots[as_id]!.generation;
      if (warns(old)) warn(kvm, "install_new_memslots");
      slots.generation = u64(published(old));
      yield* publishAndSynchronize(kvm, as_id, slots);
      const generation = u64(final(slots.generation, BigInt(kvm.machine.addressSpaces * 2)));
      yield* callHook(kvm, generation);
      yield* storeGeneration(kvm, as_id, slots, generation);
    },
  });

export const mutants04 = mutantsOf(4, {
  "no-name": {
    title: "the install is rewritten, but the flag has no name",
    apply: without("declared"),
  },
  "install-left-as-it-was": {
    title: "the flag has a name, but the install still adds 1 and 3",
    apply: without("install_new_memslots"),
  },
  "flag-is-bit-1": {
    title: "the name stands for bit 1",
    apply: () => ({ KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS: 2n }),
  },
  "flag-added": {
    title: "the flag is added, not ORed in",
    apply: install({ published: (old) => old + FLAG }),
  },
  "flag-toggled": {
    title: "the flag is set with XOR",
    apply: install({ published: (old) => old ^ FLAG }),
  },
  "flag-not-set": {
    title: "the set is published with the old number",
    apply: install({ published: (old) => old }),
  },
  "flag-not-cleared": {
    title: "the flag stays in the stored number",
    apply: install({ final: (published, step) => published + step }),
  },
  "one-step-too-short": {
    title: "the flag is cleared, and the step is still one less, as it was with the flag set",
    apply: install({ final: (published, step) => (published & ~FLAG) + step - FLAG }),
  },
  "half-a-step": {
    title: "the number of address spaces is added once, not twice",
    apply: install({ final: (published, step) => (published & ~FLAG) + step / 2n }),
  },
  "no-warning": {
    title: "an install that starts in flux does not warn",
    apply: install({ warns: () => false }),
  },
  "warns-the-wrong-way-round": {
    title: "an install that does not start in flux warns",
    apply: install({ warns: (old) => (old & FLAG) === 0n }),
  },
});
