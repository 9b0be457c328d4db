import { expect, test } from "vitest";
import { Symbols } from "../../../../src/adapters/kernel/control/symbols.ts";

const LINES = [
  "ffffffff81000000 T _text",
  "ffffffff81100010 t get_mmio_spte_generation",
  "ffffffffc0a00000 t mmu_shrink_scan\t[kvm]",
  "ffffffffc0a00100 t mmu_shrink_scan\t[kvm_intel]",
  "ffffffffc0a00200 t kvm_mmu_commit_zap_page.part.0\t[kvm]",
  "ffffffffc0a00300 t kvm_mmu_commit_zap_page.part.0.cold\t[kvm]",
  "ffffffffc0a00400 t mmu_set_spte.constprop.0.isra.3\t[kvm]",
  "ffffffffc0a00500 T mmu_set_spte\t[kvm]",
  "0000000000000000 A fixed_percpu_data",
  "",
];

test("an address is that of the one symbol of the name", () => {
  const symbols = new Symbols(LINES);
  expect(symbols.address("_text")).toBe(0xffff_ffff_8100_0000n);
  expect(symbols.address("mmu_set_spte")).toBe(0xffff_ffff_c0a0_0500n);
  expect(symbols.has("mmu_shrink_scan")).toBe(true);
  expect(symbols.has("kvm_mmu_commit_zap_page")).toBe(false);
});

test("a symbol that is there twice, or not at all, is told and not guessed", () => {
  const symbols = new Symbols(LINES);
  expect(() => symbols.address("mmu_shrink_scan")).toThrow(
    "the kernel has 2 symbols mmu_shrink_scan: 0xffffffffc0a00000 of kvm, 0xffffffffc0a00100 of kvm_intel",
  );
  expect(() => symbols.address("kvm_mmu_commit_zap_page")).toThrow(
    "the kernel has no symbol kvm_mmu_commit_zap_page, only kvm_mmu_commit_zap_page.part.0, kvm_mmu_commit_zap_page.part.0.cold",
  );
  expect(() => symbols.address("nothing")).toThrow(/^the kernel has no symbol nothing$/);
});

test("what the compiler has made of a function is found by the function", () => {
  const symbols = new Symbols(LINES);
  expect(symbols.parts("mmu_set_spte").map(({ name }) => name)).toEqual([
    "mmu_set_spte.constprop.0.isra.3",
  ]);
  expect(symbols.parts("_text")).toEqual([]);
});

test("a kernel without symbols, or that hides where they are, is told", () => {
  expect(() => new Symbols([])).toThrow(
    "the kernel has no symbols in /proc/kallsyms: build it with CONFIG_KALLSYMS",
  );
  expect(() => new Symbols(["0000000000000000 t mmu_shrink_scan\t[kvm]"])).toThrow(
    "the kernel does not tell addresses in /proc/kallsyms (kptr_restrict)",
  );
});
