import { expect, test } from "vitest";
import { declaredFacts } from "../../../src/adapters/reference/facts.ts";
import { composeThrough } from "../../../src/reference/compose.ts";

const facts = (layer: number) => declaredFacts(composeThrough(layer));

test("the flag for an update in progress has a bit once it has a name", () => {
  expect([3, 4, 7, 8].map((layer) => facts(layer).memslot_update_in_progress_bit)).toEqual([
    null,
    0,
    0,
    63,
  ]);
});

test("a generation for MMIO is as wide as it is declared", () => {
  expect([4, 5].map((layer) => facts(layer).mmio_generation_width)).toEqual([32, 64]);
});

test("the hook takes the memslots, and the generation from the first patch on", () => {
  expect([0, 1].map((layer) => facts(layer).hook_argument)).toEqual(["memslots", "generation"]);
});

test("tracepoints come with their fields", () => {
  const { tracepoints } = facts(27);
  expect(tracepoints["mark_mmio_spte"]).toEqual(expect.arrayContaining(["gfn", "gen"]));
  expect(facts(18).tracepoints).toHaveProperty("kvm_mmu_invalidate_zap_all_pages");
  expect(facts(19).tracepoints).not.toHaveProperty("kvm_mmu_invalidate_zap_all_pages");
});

test("the MMU document covers what it covers", () => {
  expect([11, 12].map((layer) => facts(layer).mmu_document)).toEqual([
    ["zap-all-by-generation", "mmu_valid_gen", "mmio-generation"],
    ["mmio-generation"],
  ]);
});

test("operations are kernel functions that the layer has: no constants, no seams of the model", () => {
  const { operations } = facts(27);
  expect(operations).toContain("kvm_mmu_zap_all");
  expect(facts(20).operations).not.toContain("kvm_mmu_zap_all");
  expect(facts(24).operations).not.toContain("kvm_mmu_invalidate_zap_all_pages");
  expect(operations.filter((name) => !/^[a-z]*_[a-z_]*$/.test(name))).toEqual([]);
  expect(operations).not.toContain("tracepoints");
});
