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

const SECTION =
  "Zapping all pages (page generation count)\n-----------------------------------------\n";

test("a field may be a list item, and a heading underlined with another character", () => {
  expect(topicsOf(`  * - mmu_valid_gen\n    - Generation number.\n\n${SECTION}`)).toEqual([
    ...["zap-all-by-generation", "mmu_valid_gen"],
  ]);
  expect(topicsOf("Fast invalidation of MMIO sptes\n-------------------------------\n")).toEqual([
    "mmio-generation",
  ]);
});

test("the entry that the field has since v6.6 is about something else", () => {
  const later = AFTER.replace(
    "    A counter.\n",
    "$&  mmu_valid_gen:\n    For zapping everything quickly: a page of an older one is obsolete.\n",
  );
  expect(later).not.toBe(AFTER);
  expect(topicsOf(later)).toEqual(["mmio-generation"]);
});

test("of the section that was removed, an entry that still points to it is left", () => {
  const left = AFTER.replace(
    "    A counter.\n",
    '$&  mmu_valid_gen:\n    Generation number (see "Zapping all\n    pages" below).\n',
  );
  expect(topicsOf(left)).toEqual(["mmu_valid_gen", "mmio-generation"]);
  expect(topicsOf(left.replaceAll("\n", "\r\n"))).toEqual(["mmu_valid_gen", "mmio-generation"]);
});

test("mentioning a topic is not covering it", () => {
  const prose = "See fast invalidation of MMIO sptes below; it has a mmu_valid_gen: or so.\n";
  expect(topicsOf(prose)).toEqual([]);
  expect(topicsOf("")).toEqual([]);
});
