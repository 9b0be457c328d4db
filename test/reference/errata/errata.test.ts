import { describe, expect, test } from "vitest";
import { holds } from "../../../src/conformance/holds.ts";
import { composeSet, composeThrough, LAST_LAYER } from "../../../src/reference/compose.ts";
import { errata, GAPS, SLIPS } from "../../../src/reference/errata/index.ts";
import type { OperationName } from "../../../src/reference/operations.ts";
import type { ErratumId } from "../../../src/reference/patch.ts";
import { loadCases } from "../../../src/scenario/load-cases.ts";

const LAYERS = Array.from({ length: LAST_LAYER + 1 }, (_, layer) => layer);

/** A layer with the override of an erratum. */
const withErratum = (layer: number, id: ErratumId) =>
  composeThrough(layer, SLIPS.includes(id) ? { slips: [id] } : { remedies: [id] });

/** The operations that an erratum changes in a layer. */
function changedIn(layer: number, id: ErratumId): string[] {
  const plain = composeThrough(layer).ops;
  const { ops } = withErratum(layer, id);
  return Object.keys(ops).filter(
    (name) => ops[name as OperationName] !== plain[name as OperationName],
  );
}

const range = (from: number, to = LAST_LAYER): number[] =>
  LAYERS.filter((layer) => layer >= from && layer <= to);

/** Layers and operations of each erratum, as the errata have it. */
const AFFECTED: Readonly<Record<ErratumId, { layers: number[]; changes: OperationName[] }>> = {
  E1: { layers: range(6), changes: ["generation_mmio_spte_mask", "get_mmio_spte_generation"] },
  E2: { layers: range(11), changes: ["beforeLockBreak"] },
  E3: { layers: range(14), changes: ["walkPages"] },
  E4: { layers: range(14, 24), changes: ["kvm_mmu_zap_mmio_sptes", "kvm_mmu_zap_all"] },
  E5: { layers: range(0), changes: ["mmioCacheGeneration"] },
  E6: { layers: range(10), changes: ["kvm_mmu_remote_flush_or_zap"] },
  E7: { layers: range(1), changes: ["set_mmio_spte"] },
  E8: { layers: range(0), changes: ["archOfChangedSlot"] },
};

test("there are eight errata, three of them slips", () => {
  expect(errata.map(({ id }) => id)).toEqual(Object.keys(AFFECTED));
  expect(SLIPS).toEqual(["E1", "E4", "E6"]);
  expect(GAPS).toEqual(["E2", "E3", "E5", "E7", "E8"]);
  expect(errata.every(({ title }) => title.length > 0 && !title.includes("\n"))).toBe(true);
});

describe.each(errata)("$id: $title", ({ id }) => {
  const { layers, changes } = AFFECTED[id];

  test("changes the layers that it affects, and no others", () => {
    expect(LAYERS.filter((layer) => changedIn(layer, id).length > 0)).toEqual(layers);
  });

  test("changes what it is about, and nothing else", () => {
    const seen = new Set(layers.flatMap((layer) => changedIn(layer, id)));
    expect(seen).toEqual(new Set(changes));
  });

  test("is said to be in a composition exactly where it changes something", () => {
    const said = LAYERS.filter((layer) => {
      const { slips, remedies } = withErratum(layer, id);
      return [...slips, ...remedies].includes(id);
    });
    expect(said).toEqual(layers);
  });
});

describe("E3 under the profile of the merged code", () => {
  const openWith = (...slips: ErratumId[]): number[] =>
    LAYERS.filter(
      (layer) => composeThrough(layer, { slips, remedies: ["E3"] }).remedies.length > 0,
    );

  // E4 keeps the walk over MMIO tables from giving up the lock; that over all tables still does at
  // a root in use, and a running vCPU makes a new one in each break (obligation E3.teardown).
  test("is open from 23 on, where the walk over all tables gives up the lock", () => {
    expect(openWith("E1", "E4", "E6")).toEqual(range(23));
  });

  test("is open from 14 on with the other slips alone", () => {
    expect(openWith("E1", "E6")).toEqual(range(14));
  });
});

describe("E4", () => {
  test("concerns the MMIO walk from 14 on and the walk over all tables from 23 on", () => {
    expect(changedIn(22, "E4")).toEqual(["kvm_mmu_zap_mmio_sptes"]);
    expect(new Set(changedIn(23, "E4"))).toEqual(new Set(AFFECTED.E4.changes));
  });

  test("concerns a set of patches by what is in it", () => {
    const changed = (set: readonly number[]): readonly ErratumId[] =>
      composeSet(set, { slips: ["E4"] }).slips;
    expect([changed([13]), changed([13, 14]), changed([21, 22, 23])]).toEqual([[], ["E4"], ["E4"]]);
    const onlyAll = composeSet([21, 22, 23], { slips: ["E4"] });
    expect(onlyAll.origin.get("kvm_mmu_zap_all")).toBe("E4");
    expect(onlyAll.order).not.toContain("kvm_mmu_zap_mmio_sptes");
  });
});

describe("E1 and E7", () => {
  const marked = loadCases().find(({ id }) => id === "E1.defect.marked-at-the-wrap")!;

  test.each([8, 27])(
    "at layer %i, the hazard is there with E1 and gone with E7's remedy",
    (layer) => {
      expect(holds(marked, composeThrough(layer, { slips: ["E1"] }))).toBe(true);
      expect(holds(marked, composeThrough(layer, { slips: ["E1"], remedies: ["E7"] }))).toBe(false);
    },
  );

  test("without E1 it is not 511 installs away", () => {
    expect(holds(marked, composeThrough(8))).toBe(false);
  });
});
