import { expect, test } from "vitest";
import { Generations, type Numbering } from "../../../src/adapters/kernel/generations.ts";

const BY_TWO: Numbering = { step: 2n, bits: 19, layout: null, isTold: true };

const updated = (generation: bigint): string =>
  `  init-1  [000] .....  9.1: updated: (kvm_arch_memslots_updated+0x0/0xb0 [kvm]) gen=${generation}`;

test("a number is reached by the installs that are left from the last one that was told", () => {
  const generations = new Generations(BY_TWO);
  generations.follow([updated(2n), updated(4n), updated(3n)]);
  expect(generations.installsUpTo(0x7fffcn, 0)).toBe(0x3fffcn);
  expect(generations.installsUpTo(0x80000n, 0)).toBe(2n);
  expect(generations.installsUpTo(0x7fffdn, 1)).toBe(0x3fffdn);
});

test.each([
  { what: "behind", target: 2n },
  { what: "of the other address space", target: 5n },
  { what: "too far away", target: 2n ** 40n },
])("a number that is $what cannot be reached", ({ target }) => {
  const generations = new Generations(BY_TWO);
  generations.follow([updated(4n)]);
  expect(() => generations.installsUpTo(target, 0)).toThrow(/^a number of installs that leads/);
});

test("numbers are as they would be without our own installs, until one is injected", () => {
  const generations = new Generations(BY_TWO);
  expect(generations.unshifted(2n, 0)).toBe(2n);
  generations.stubMade(0);
  expect(generations.unshifted(8n, 0)).toBe(6n);
  expect(generations.unshifted(5n, 1)).toBe(5n);
  generations.stubMade(1);
  expect(generations.unshifted(0n, 1)).toBe(0x7fffen);
  generations.installsUpTo(0x7fffcn, 0);
  expect(generations.unshifted(0x7fffcn, 0)).toBe(0x7fffcn);
  expect(generations.unshifted(5n, 1)).toBe(3n);
});
