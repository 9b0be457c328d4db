import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { check } from "../../../suites/support/property.ts";
import { SparseNumbers } from "../../../src/reference/machine/sparse-numbers.ts";

/** Indices that share runs of 512 and that do not. */
const index = fc.constantFrom(0, 1, 511, 512, 513, 1024, 2 ** 20, 2 ** 30 + 5, 2 ** 31 - 2);
const value = fc.oneof(fc.constant(0), fc.integer({ min: -3, max: 3 }), fc.maxSafeNat());
const change = fc.oneof(
  { weight: 9, arbitrary: fc.record({ index, value }) },
  { weight: 1, arbitrary: fc.constant("clear" as const) },
);

describe("SparseNumbers", () => {
  test("holds numbers by index, zero where none was set, as a Map would", () => {
    check(fc.array(change, { maxLength: 40 }), 300, (changes) => {
      const numbers = new SparseNumbers();
      const model = new Map<number, number>();
      for (const each of changes) {
        if (each === "clear") {
          numbers.clear();
          model.clear();
        } else {
          numbers.set(each.index, each.value);
          model.set(each.index, each.value);
        }
      }
      const kept = [...model].filter(([, number]) => number !== 0).sort(([a], [b]) => a - b);
      expect([...numbers.entries()]).toEqual(kept);
      for (const i of [0, 1, 2, 511, 512, 513, 514, 1024, 2 ** 20, 2 ** 30 + 5, 2 ** 31 - 2]) {
        expect(numbers.get(i)).toBe(model.get(i) ?? 0);
      }
    });
  });

  test("is untouched until a number other than zero is set, and again after a clear", () => {
    const numbers = new SparseNumbers();
    expect(numbers.untouched).toBe(true);
    numbers.set(700, 0);
    expect(numbers.untouched).toBe(true);
    numbers.set(700, 1);
    expect(numbers.untouched).toBe(false);
    numbers.clear();
    expect(numbers.untouched).toBe(true);
  });
});
