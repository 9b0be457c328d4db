import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { check } from "../../../suites/support/property.ts";
import { PageTable } from "../../../src/reference/machine/page-table.ts";

const INDICES = [0, 1, 7, 255, 510, 511] as const;
const index = fc.constantFrom(...INDICES);
const word = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const half = fc.nat({ max: 2 ** 32 - 1 });
const frame = fc.maxSafeNat().map((value) => value % 2 ** 40);

const change = fc.oneof(
  fc.record({ kind: fc.constant("setRaw"), index, entry: word }),
  fc.record({ kind: fc.constant("set"), index, low: half, high: half }),
  fc.record({
    kind: fc.constant("setFrame"),
    index,
    frame,
    low: fc.nat({ max: 0xfff }),
    high: fc.nat({ max: 0xfff }).map((flags) => flags * 2 ** 20),
  }),
  fc.record({ kind: fc.constant("clear"), index }),
);

describe("PageTable", () => {
  test("holds 512 entries of 64 bits, as an array of bigints would", () => {
    check(fc.array(change, { maxLength: 30 }), 200, (changes) => {
      const table = new PageTable();
      const model = new Array<bigint>(512).fill(0n);
      for (const each of changes) {
        switch (each.kind) {
          case "setRaw":
            table.setRaw(each.index, each.entry);
            model[each.index] = each.entry;
            break;
          case "set":
            table.set(each.index, each.low, each.high);
            model[each.index] = (BigInt(each.high) << 32n) | BigInt(each.low);
            break;
          case "setFrame":
            table.setFrame(each.index, each.frame, each.low, each.high);
            model[each.index] =
              (BigInt(each.frame) << 12n) | BigInt(each.low) | (BigInt(each.high) << 32n);
            break;
          case "clear":
            table.clear(each.index);
            model[each.index] = 0n;
        }
      }
      for (const i of INDICES) {
        const entry = model[i]!;
        expect(table.raw(i)).toBe(entry);
        expect(table.low(i)).toBe(Number(entry & 0xffff_ffffn));
        expect(table.high(i)).toBe(Number(entry >> 32n));
        expect(table.frame(i)).toBe(Number((entry >> 12n) & (2n ** 40n - 1n)));
        expect(table.isZero(i)).toBe(entry === 0n);
      }
      expect(model.map((_, i) => table.raw(i))).toEqual(model);
    });
  });

  test("starts empty", () => {
    const table = new PageTable();
    expect(Array.from({ length: 512 }, (_, i) => table.raw(i))).toEqual(
      new Array<bigint>(512).fill(0n),
    );
  });
});
