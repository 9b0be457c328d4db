import { describe, expect, test } from "vitest";
import { holds } from "../../src/conformance/holds.ts";
import {
  appliesTo,
  contradictions,
  isDeclared,
  isDiscriminated,
  type JudgedRow,
  matrixLine,
} from "../../src/conformance/matrix.ts";
import { composeThrough } from "../../src/reference/compose.ts";
import { GAPS, SLIPS } from "../../src/reference/errata/index.ts";
import type { Case } from "../../src/scenario/case.generated.ts";
import { loadCases } from "../../src/scenario/load-cases.ts";
import { otherSlotGoes, otherSlotStays, ramIsReached } from "../support/small-cases.ts";

const LAYERS = Array.from({ length: 28 }, (_, layer) => layer);
const from = (first: number, last = 27): boolean[] =>
  LAYERS.map((layer) => layer >= first && layer <= last);

const rowsOf = (scenario: Case): readonly JudgedRow[] => matrixLine(scenario).rows;
const wrongLayers = (scenario: Case): number[][] => rowsOf(scenario).map(contradictions);

/** Where patch 11 was taken back, the other slot's pages go at every layer. */
const takenBack: Case = { ...otherSlotGoes, layers: { from: 11, to: 27 }, without: [11] };

test("a case holds on a composition that does what it expects", () => {
  expect(holds(otherSlotStays, composeThrough(11))).toBe(true);
  expect(holds(otherSlotStays, composeThrough(10))).toBe(false);
});

describe("the rows of a case", () => {
  test("are one for each profile, over all layers: what is seen beside what is declared", () => {
    expect(rowsOf(otherSlotStays)).toEqual([
      { under: "promised", seen: from(11), declared: from(11) },
      { under: "merged", seen: from(11), declared: from(11) },
    ]);
  });

  test("are those of the layers without the patches that it says they lack", () => {
    const before = [{ layers: { from: 0, to: 10 }, because: "11 is not there yet" }];
    const scenario: Case = { ...takenBack, alsoHolds: before };
    const [promised, merged] = rowsOf(scenario);
    expect(promised).toEqual({ under: "promised, without 11", seen: from(0), declared: from(0) });
    expect(merged!.under).toBe("merged, without 11");
    expect(rowsOf(otherSlotGoes)[0]!.seen).toEqual(from(0, 10));
  });

  test("are that of its profile if it speaks of one only", () => {
    for (const profile of ["promised", "merged"] as const) {
      const scenario = { ...otherSlotStays, profile };
      expect(rowsOf(scenario).map(({ under }) => under)).toEqual([profile]);
      expect([appliesTo(scenario, "promised"), appliesTo(scenario, "merged")]).toEqual([
        profile === "promised",
        profile === "merged",
      ]);
    }
  });

  test("declare the further layers on which it holds, too", () => {
    const because = "it is so there, too";
    const scenario: Case = {
      ...otherSlotStays,
      alsoHolds: [{ layers: { from: 3, to: 4 }, because }],
    };
    expect(LAYERS.filter((layer) => isDeclared(scenario, layer))).toEqual([
      ...[3, 4],
      ...LAYERS.slice(11),
    ]);
    expect(wrongLayers(scenario)).toEqual([
      [3, 4],
      [3, 4],
    ]);
  });

  test("contradict it on layers where it does not hold though it says so", () => {
    const scenario: Case = { ...otherSlotStays, layers: { from: 9, to: 27 } };
    expect(wrongLayers(scenario)).toEqual([
      [9, 10],
      [9, 10],
    ]);
  });

  test("contradict it on layers where it holds though it does not say so", () => {
    const scenario: Case = { ...ramIsReached, layers: { from: 1, to: 26 } };
    expect(wrongLayers(scenario)).toEqual([
      [0, 27],
      [0, 27],
    ]);
  });
});

describe("the rows of a case of an erratum", () => {
  const errata = loadCases().filter(({ proof }) => proof === "defect" || proof === "mended");
  /** The first case that shows each erratum, and the first that shows it mended. */
  const first = [...SLIPS, ...GAPS].flatMap((id) =>
    (["defect", "mended"] as const).map((proof) =>
      errata.find((each) => each.erratum === id && each.proof === proof)!,
    ),
  );

  test.each(first)("are with and without its defect: $id", (scenario) => {
    const { erratum, layers, proof } = scenario;
    const [own, other] = rowsOf(scenario) as [JudgedRow, JudgedRow];
    const but = scenario.without === undefined ? "" : `, without ${scenario.without.join(", ")}`;
    const names = [`${erratum} defect${but}`, `${erratum} mended${but}`];
    expect([own.under, other.under]).toEqual(proof === "defect" ? names : names.reverse());
    expect(own.declared).toEqual(LAYERS.map((layer) => isDeclared(scenario, layer)));
    expect(other.declared).toEqual(
      from(layers.from, layers.to).map((within) => (within ? false : null)),
    );
    expect([own, other].map(contradictions)).toEqual([[], []]);
  });

  test("contradict it when it says the opposite", () => {
    const [defect] = first as [Case];
    const scenario: Case = { ...defect, proof: "mended" };
    const inRange = LAYERS.filter(
      (layer) => layer >= scenario.layers.from && layer <= scenario.layers.to,
    );
    for (const wrong of wrongLayers(scenario))
      expect(wrong).toEqual(expect.arrayContaining(inRange));
  });
});

describe("a row", () => {
  const row = (seen: boolean, declared: boolean | null): JudgedRow => ({
    under: "promised",
    seen: LAYERS.map(() => seen),
    declared: LAYERS.map(() => declared),
  });

  test("contradicts nothing where nothing is declared", () => {
    expect(contradictions(row(true, null))).toEqual([]);
    expect(contradictions(row(true, false))).toEqual(LAYERS);
    expect(contradictions(row(false, true))).toEqual(LAYERS);
    expect(contradictions(row(false, false))).toEqual([]);
  });
});

describe("a patch is told apart from the layer below", () => {
  const line = matrixLine(otherSlotStays);

  test("by a case of it that holds at the patch and not before", () => {
    expect(isDiscriminated(11, [line])).toBe(true);
    expect(isDiscriminated(11, [])).toBe(false);
    expect(isDiscriminated(12, [line])).toBe(false);
  });

  test("not by one that holds on both sides, or on neither, or that proves something else", () => {
    const everywhere = matrixLine({ ...ramIsReached, patch: 11, proof: "layer" });
    const refactor = { ...line, scenario: { ...otherSlotStays, proof: "refactor" } as Case };
    expect(isDiscriminated(11, [everywhere, matrixLine(otherSlotGoes), refactor])).toBe(false);
  });
});
