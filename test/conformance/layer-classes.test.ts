import { expect, test } from "vitest";
import { classOf, LAYER_CLASSES } from "../../src/conformance/layer-classes.ts";

test("every layer is in one class, in order", () => {
  const layers = LAYER_CLASSES.flatMap((each) => each.layers);
  expect(layers).toEqual(Array.from({ length: 28 }, (_, layer) => layer));
  expect(classOf(13).layers).toEqual([11, 12, 13, 14]);
});

test("what would tell them apart is said of the classes with several layers", () => {
  for (const { layers, promised, apart } of LAYER_CLASSES) {
    expect(apart === null).toBe(layers.length === 1);
    expect(layers).not.toContain(promised[0]);
  }
});
