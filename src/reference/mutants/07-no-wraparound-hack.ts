import { Memslots } from "../machine/memslots.ts";
import { u64 } from "../machine/u64.ts";
import type { Override } from "../compose.ts";
import { mutantsOf, without } from "./mutant.ts";

/** Address spaces that start elsewhere. */
const startingAt =
  (start: (as: number, addressSpaces: number) => number): Override["apply"] =>
  () => ({
    kvm_create_vm(kvm) {
      const { addressSpaces } = kvm.machine;
      for (let i = 0; i < addressSpaces; i++) {
        kvm.memslots[i] = new Memslots(u64(BigInt(start(i, addressSpaces))), []);
      }
    },
  });

export const mutants07 = mutantsOf(7, {
  "hack-kept": {
    title: "the numbers still start 150 below",
    apply: without("kvm_create_vm"),
  },
  "both-at-0": {
    title: "both address spaces start at 0, and have the same numbers for good",
    apply: startingAt(() => 0),
  },
  "hack-kept-for-address-space-0": {
    title: "address space 0 still starts at -150",
    apply: startingAt((as) => (as === 0 ? -150 : 2 * as)),
  },
  "hack-kept-for-address-space-1": {
    title: "address space 1 still starts at -148",
    apply: startingAt((as) => (as === 0 ? 0 : 2 * as - 150)),
  },
  "one-apart": {
    title: "address space 1 starts at 1, which is in flux while the flag is bit 0",
    apply: startingAt((as) => as),
  },
  "four-apart": {
    title: "address space 1 starts where address space 0 comes to with its first install",
    apply: startingAt((as, addressSpaces) => 2 * as * addressSpaces),
  },
  "the-other-way-round": {
    title: "address space 0 starts at 2 and address space 1 at 0",
    apply: startingAt((as, addressSpaces) => 2 * (addressSpaces - 1 - as)),
  },
  "positive-150": {
    title: "only the sign of the 150 is gone",
    apply: startingAt((as) => 2 * as + 150),
  },
});
