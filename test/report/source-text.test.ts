import { describe, expect, test } from "vitest";
import { composeSet, composeThrough } from "../../src/reference/compose.ts";
import type { OperationName } from "../../src/reference/operations.ts";
import {
  changedOperations,
  flatten,
  movedOperations,
  sourceOf,
} from "../../src/report/source-text.ts";

const ZAP = "kvm_mmu_invalidate_zap_pages_in_memslot";

describe("the text of an operation", () => {
  test("of the base is its file without imports", () => {
    const { name, origin, file, text } = sourceOf(ZAP, composeThrough(10));
    expect({ name, origin, file }).toEqual({
      ...{ name: ZAP, origin: "base", file: `src/reference/base/${ZAP}.ts` },
    });
    expect(text).toContain(`function* ${ZAP}(`);
    expect(text).not.toMatch(/^import/m);
    expect(text.endsWith("}")).toBe(true);
  });

  test("of a patch is that operation alone, from the left margin", () => {
    const { origin, file, text } = sourceOf(ZAP, composeThrough(27));
    expect({ origin, file }).toEqual({
      ...{ origin: "patch 11", file: "src/reference/layers/11-zap-only-the-slot.ts" },
    });
    expect(text).toMatch(new RegExp(String.raw`^\*${ZAP}\(`, "m"));
    expect(text.endsWith("\n},")).toBe(true);
    expect(text).not.toContain("requires");
  });

  test("of an erratum is in the erratum's file", () => {
    const slipped = composeThrough(27, { slips: ["E6"] });
    const { origin, file, text } = sourceOf("kvm_mmu_remote_flush_or_zap", slipped);
    expect({ origin, file }).toEqual({
      ...{ origin: "erratum E6", file: "src/reference/errata/E6-inverted-list-test.ts" },
    });
    expect(text).toContain("kvm_mmu_remote_flush_or_zap(kvm, invalid_list, remote_flush) {");
  });

  test("is there for all compositions, closes what it opens, and names the operation or its patch", () => {
    const compositions = Array.from({ length: 28 }, (_, layer) => composeThrough(layer));
    const slips = ["E1", "E4", "E6"] as const;
    const remedies = ["E2", "E3", "E5", "E7", "E8"] as const;
    for (const layer of [1, 5, 10, 14, 23, 27]) {
      compositions.push(composeThrough(layer, { slips }), composeThrough(layer, { remedies }));
    }
    for (const { name, text } of compositions.flatMap(flatten)) {
      const count = (mark: string): number => text.split(mark).length - 1;
      expect(text.trim(), name).not.toBe("");
      expect(count("{"), name).toBe(count("}"));
      expect(text.includes(name) || text.startsWith("apply:"), name).toBe(true);
    }
  });

  test("comes in the order of the kernel's files, each operation once", () => {
    const composition = composeThrough(13);
    expect(flatten(composition).map(({ name }) => name)).toEqual(composition.order);
    expect(new Set(composition.order).size).toBe(composition.order.length);
  });
});

describe("between two compositions", () => {
  const changed = (from: number, to: number): OperationName[] =>
    changedOperations(composeThrough(from), composeThrough(to)).sort();

  test("what is new, changed or gone is told, and nothing else", () => {
    expect(changed(4, 4)).toEqual([]);
    expect(changed(10, 11)).toEqual([ZAP]);
    expect(changed(20, 21)).toEqual(["kvm_arch_flush_shadow_all", "kvm_mmu_zap_all"]);
    expect(changed(21, 20)).toEqual(changed(20, 21));
    expect(changed(14, 15)).toEqual(["zappedRootNeedsReload"]);
    expect(changed(23, 24)).toContain("kvm_zap_obsolete_pages");
    const slipped = composeThrough(27, { slips: ["E6"] });
    expect(changedOperations(composeThrough(27), slipped)).toEqual(["kvm_mmu_remote_flush_or_zap"]);
  });

  test("what was moved is what stands before others now", () => {
    expect(movedOperations(composeThrough(10), composeThrough(11))).toEqual([]);
    expect([...movedOperations(composeSet([]), composeSet([9]))].sort()).toEqual([
      "slot_handle_all_level",
      "slot_handle_large_level",
      "slot_handle_leaf",
      "slot_handle_level",
      "slot_handle_level_range",
    ]);
  });
});
