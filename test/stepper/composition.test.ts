import { expect, test } from "vitest";
import { sideId, sideOf } from "../../src/stepper/composition.ts";

test.each([
  ["0", "layer 0"],
  ["11", "layer 11"],
  ["8+E1", "layer 8, slip E1"],
  ["25+E3+E6", "layer 25, slip E6, remedy E3"],
  ["p11.rmap-pass-only", "mutant p11.rmap-pass-only"],
])("%s is %s", (id, name) => {
  expect(sideOf(id).name).toBe(name);
});

test("a side is composed once", () => {
  expect(sideOf("14+E4")).toBe(sideOf("14+E4"));
});

test("what does not affect a layer is not said of it", () => {
  expect(sideOf("5+E1").name).toBe("layer 5");
});

test("an id names errata in the order of their numbers", () => {
  expect(sideId(14, ["E4", "E1"])).toBe("14+E1+E4");
});
