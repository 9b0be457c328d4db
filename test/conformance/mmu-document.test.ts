import { expect, test } from "vitest";
import { topicsOf } from "../../src/conformance/mmu-document.ts";

const BEFORE = `
The x86 kvm shadow mmu
======================

  root_count:
    A counter.
  mmu_valid_gen:
    Generation number.

Zapping all pages (page generation count)
=========================================

It is cheap.

Fast invalidation of MMIO sptes
===============================

As mentioned above.
`;

const AFTER = BEFORE.replace(/ {2}mmu_valid_gen:\n.*\n/, "").replace(
  /Zapping all[^]*cheap\.\n/,
  "",
);

test("a document before patch 12 covers all three topics", () => {
  expect(topicsOf(BEFORE)).toEqual(["zap-all-by-generation", "mmu_valid_gen", "mmio-generation"]);
});

test("a document after patch 12 covers MMIO generations alone", () => {
  expect(topicsOf(AFTER)).toEqual(["mmio-generation"]);
});

test("a field may be a list item, and a heading underlined with another character", () => {
  expect(topicsOf("  * - mmu_valid_gen\n    - Generation number.\n")).toEqual(["mmu_valid_gen"]);
  expect(topicsOf("Fast invalidation of MMIO sptes\n-------------------------------\n")).toEqual([
    "mmio-generation",
  ]);
});

test("mentioning a topic is not covering it", () => {
  const prose = "See fast invalidation of MMIO sptes below; it has a mmu_valid_gen: or so.\n";
  expect(topicsOf(prose)).toEqual([]);
  expect(topicsOf("")).toEqual([]);
});
