import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { check } from "../../../suites/support/property.ts";
import { bits, u64 } from "../../../src/reference/machine/u64.ts";

const TWO_TO_64 = 2n ** 64n;
const any = fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n });
const word = fc.bigInt({ min: 0n, max: TWO_TO_64 - 1n });

describe("u64", () => {
  test("leaves unsigned 64-bit numbers alone", () => {
    check(word, 200, (value) => {
      expect(u64(value)).toBe(value);
    });
  });

  test("wraps at 2^64 in both directions", () => {
    expect(u64(TWO_TO_64)).toBe(0n);
    expect(u64(-1n)).toBe(TWO_TO_64 - 1n);
    expect(u64(-150n)).toBe(0xffff_ffff_ffff_ff6an);
  });

  test("is arithmetic modulo 2^64", () => {
    check(fc.tuple(any, any), 200, ([a, b]) => {
      expect(u64(a + b)).toBe(u64(u64(a) + u64(b)));
      expect(u64(a * b)).toBe(u64(u64(a) * u64(b)));
      expect((u64(a) - a) % TWO_TO_64).toBe(0n);
      expect(u64(a) >= 0n && u64(a) < TWO_TO_64).toBe(true);
    });
  });
});

describe("bits", () => {
  test("sets exactly the bits of the range, both ends included", () => {
    const range = fc
      .tuple(fc.nat({ max: 63 }), fc.nat({ max: 63 }))
      .map(([a, b]): [number, number] => [Math.max(a, b), Math.min(a, b)]);
    check(range, 200, ([high, low]) => {
      const mask = bits(high, low);
      for (let bit = 0; bit < 64; bit++) {
        expect((mask >> BigInt(bit)) & 1n).toBe(bit >= low && bit <= high ? 1n : 0n);
      }
    });
  });

  test("is one bit for a range of one, and every bit of a word from 63 to 0", () => {
    expect(bits(51, 51)).toBe(1n << 51n);
    expect(bits(63, 0)).toBe(TWO_TO_64 - 1n);
  });
});
