import { expect, test } from "vitest";
import { layer, layerWithErratum, optionsOf } from "../../src/conformance/profiles.ts";
import { GAPS, SLIPS } from "../../src/reference/errata/index.ts";

const layers = Array.from({ length: 28 }, (_, number) => number);

test("the profile of the merged code has its slips, that of the promises has none", () => {
  expect(optionsOf("merged")).toEqual({ slips: SLIPS });
  expect(optionsOf("promised")).toEqual({ slips: [] });
  expect(layer(6, "merged").slips).toEqual(["E1"]);
  expect(layer(27, "promised").slips).toEqual([]);
  expect(layer(27, "promised").patches).toHaveLength(27);
});

test("a layer is composed once", () => {
  expect(layer(14, "merged")).toBe(layer(14, "merged"));
  expect(layer(14, "merged")).not.toBe(layer(14, "promised"));
  expect(layerWithErratum(14, "E2", true)).not.toBe(layerWithErratum(14, "E2", false));
});

test("a slip is a defect that is put in", () => {
  for (const id of SLIPS) {
    const last = layers.findLast((number) => layer(number, "merged").slips.includes(id))!;
    expect(layerWithErratum(last, id, true)).toMatchObject({ slips: [id], remedies: [] });
    expect(layerWithErratum(last, id, false)).toMatchObject({ slips: [], remedies: [] });
  }
});

test("a gap is a defect that is there unless it is mended", () => {
  for (const id of GAPS) {
    expect(layerWithErratum(27, id, true)).toMatchObject({ slips: [], remedies: [] });
    expect(layerWithErratum(27, id, false)).toMatchObject({ slips: [], remedies: [id] });
  }
});

test("an erratum that does not exist is refused", () => {
  expect(() => layerWithErratum(27, "E9" as never, true)).toThrow("there is no erratum E9");
});
