import { describe, expect, test } from "vitest";
import { recordOnReference } from "../../src/adapters/reference/reference-implementation.ts";
import { layer } from "../../src/conformance/profiles.ts";
import { loadCases } from "../../src/scenario/load-cases.ts";
import { differs, type Row, shown, timeline } from "../../src/walkthrough/timeline.ts";

const cases = loadCases();
const timelineOf = (id: string, before: number, after: number) => {
  const scenario = cases.find((each) => each.id === id)!;
  const [was, is] = [before, after].map((number) =>
    recordOnReference(layer(number, "promised"), scenario),
  );
  return timeline(scenario, was!, is!);
};

describe("the timeline of two runs", () => {
  test("is the same on both sides for equal layers", () => {
    const steps = timelineOf("p11.unaligned-slot.leaf-sptes-gone", 11, 11);
    expect(steps.flatMap(({ rows }) => rows).filter(differs)).toEqual([]);
    expect(steps.filter(({ before, after }) => before !== after)).toEqual([]);
  });

  test("holds every event of both sides, in their order", () => {
    for (const { id, patch } of cases.filter(({ patch }) => [2, 11, 18].includes(patch))) {
      const scenario = cases.find((each) => each.id === id)!;
      const steps = timelineOf(id, patch - 1, patch);
      for (const [side, number] of [
        ["before", patch - 1],
        ["after", patch],
      ] as const) {
        const record = recordOnReference(layer(number, "promised"), scenario);
        const told = steps.map(
          ({ rows }) => rows.filter((row) => row.kernel !== null && row[side] !== null).length,
        );
        const happened = scenario.steps.map((_, i) => record.steps[i]?.events.length ?? 0);
        expect(told, id).toEqual(happened);
      }
    }
  });

  test("tells of a step in which the kernel breaks what was done and what broke", () => {
    const [, , last] = timelineOf("E8.defect.dirty-log-of-2m", 27, 27);
    const call = "set_memory_region slot 2, gpa 0x280000, size 0x200000, hva 0x20000000, flags 1";
    expect(last?.before).toMatch(`${call} → KernelBug: index 1 lies beyond the rmap of 2M pages`);
    expect(last?.after).toBe(last?.before);
  });

  test("puts what one kernel function does otherwise on one row", () => {
    const steps = timelineOf("p10.pte-write.flush-is-the-helpers", 9, 10);
    expect(steps.flatMap(({ rows }) => rows).filter(differs)).toEqual([
      {
        before: "TLB flush on all vCPUs, asked by kvm_mmu_flush_or_zap",
        after: "TLB flush on all vCPUs, asked by kvm_mmu_remote_flush_or_zap",
        kernel: "kvm_flush_remote_tlbs",
      },
    ]);
  });

  test("tells a function that moved by its name alone", () => {
    const rows = timelineOf("p09.facts.helpers-before-the-handler", 8, 9)[0]!.rows.filter(differs);
    const handler = "operations: kvm_mmu_invalidate_zap_pages_in_memslot";
    expect(rows).toEqual([
      { before: handler, after: null, kernel: null },
      { before: null, after: handler, kernel: null },
    ]);
  });
});

describe("of the rows of a step", () => {
  const row = (before: string | null, after: string | null): Row => ({
    before,
    after,
    kernel: "f",
  });
  const same = (count: number): Row[] => Array.from({ length: count }, () => row("a", "a"));

  test("those far from a difference are folded and counted", () => {
    expect(shown([...same(5), row("b", null), ...same(4)])).toEqual([
      { folded: 3, alike: true },
      ...same(2),
      row("b", null),
      ...same(2),
      { folded: 2, alike: true },
    ]);
  });

  test("of very many that differ the first and the last are shown", () => {
    const rows = Array.from({ length: 40 }, (_, i) => row(`b${i}`, null));
    const kept = shown(rows);
    expect(kept).toHaveLength(23);
    expect(kept[16]).toEqual({ folded: 18, alike: false });
    expect(kept.at(-1)).toEqual(row("b39", null));
  });
});
