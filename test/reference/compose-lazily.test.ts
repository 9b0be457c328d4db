import { expect, test } from "vitest";
import { treeOf } from "../../src/conformance/case-tree.ts";
import { holds } from "../../src/conformance/holds.ts";
import { composeSet, type Composition, composeThrough } from "../../src/reference/compose.ts";
import { composeLazily } from "../../src/reference/compose-lazily.ts";
import { GAPS, SLIPS } from "../../src/reference/errata/index.ts";
import { isAbsent } from "../../src/reference/operations.ts";
import type { PartId } from "../../src/reference/patch.ts";
import { loadCases } from "../../src/scenario/load-cases.ts";

const hasOf = ({ patches, slips, remedies }: Composition) => {
  const parts = new Set<PartId>([...patches, ...slips, ...remedies]);
  return (part: PartId): boolean => parts.has(part);
};

const compositions: Composition[] = [
  ...[0, 8, 10, 14, 27].map((layer) => composeThrough(layer, { slips: SLIPS })),
  composeThrough(27, { remedies: GAPS }),
  composeSet([1, 2, 3, 10, 13, 14], { slips: ["E4", "E6"], remedies: ["E3"] }),
  composeSet(composeThrough(27).patches.filter((patch) => patch !== 11)),
];

/** A short case in each eleven. */
const cases = loadCases().filter(({ steps }, i) => i % 11 === 0 && steps.length < 30);

test.each(compositions)("does what $patches $slips $remedies does", (composition) => {
  const has = hasOf(composition);
  const lazy = composeLazily(has);
  expect(lazy.order).toEqual(composition.order);
  for (const name of composition.order) expect(isAbsent(lazy.ops[name])).toBe(false);
  for (const scenario of cases) {
    expect([scenario.id, treeOf(scenario).outcome(has).holds]).toEqual([
      scenario.id,
      holds(scenario, composition),
    ]);
  }
});

test("asks for nothing until an operation is looked up, and then for what changes it", () => {
  const asked: PartId[] = [];
  const { ops } = composeLazily((part) => {
    asked.push(part);
    return false;
  });
  expect(asked).toEqual([]);
  expect(ops.MMIO_GEN_WIDTH).toBe(32);
  expect(asked).toEqual([5]);
  expect(isAbsent(ops.kvm_mmu_remote_flush_or_zap)).toBe(true);
});
