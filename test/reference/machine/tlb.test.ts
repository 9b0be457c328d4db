import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { check } from "../../../suites/support/property.ts";
import { Tlb } from "../../../src/reference/machine/tlb.ts";

const SIZES = [1, 512, 512 * 512];
const page = fc.constantFrom(0, 1, 5, 511, 512, 517, 512 * 512 - 1, 512 * 512, 512 * 512 + 513);
const level = fc.constantFrom(1, 2, 3);
const operation = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("fill"),
      page,
      level,
      frame: fc.maxSafeNat().map((value) => (value % 2 ** 22) * 512 * 512),
      writable: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("drop"), page }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("flush") }) },
);

/** Translations by level and number of the page at that level. */
class Model {
  readonly entries = new Map<string, { frame: number; writable: boolean }>();

  static key(at: number, level: number): string {
    return `${level}:${Math.floor(at / SIZES[level - 1]!)}`;
  }

  lookup(at: number): { frame: number; writable: boolean } | null {
    for (const level of [1, 2, 3]) {
      const entry = this.entries.get(Model.key(at, level));
      if (entry === undefined) continue;
      return { frame: entry.frame + (at % SIZES[level - 1]!), writable: entry.writable };
    }
    return null;
  }
}

describe("Tlb", () => {
  test("keeps what was filled until it is dropped or flushed, as a Map for each level would", () => {
    check(fc.array(operation, { maxLength: 40 }), 300, (operations) => {
      const tlb = new Tlb();
      const model = new Model();
      for (const each of operations) {
        if (each.kind === "flush") {
          tlb.flush();
          model.entries.clear();
        } else if (each.kind === "drop") {
          tlb.drop(each.page);
          for (const n of [1, 2, 3]) model.entries.delete(Model.key(each.page, n));
        } else {
          tlb.fill(each.page, each.level, each.frame, each.writable);
          const { frame, writable } = each;
          model.entries.set(Model.key(each.page, each.level), { frame, writable });
        }
      }
      for (const at of [
        0,
        1,
        2,
        5,
        511,
        512,
        517,
        600,
        512 * 512 - 1,
        512 * 512,
        512 * 512 + 513,
      ]) {
        expect(tlb.lookup(at)).toEqual(model.lookup(at));
      }
      expect([...tlb.entries()].length).toBe(model.entries.size);
      for (const { page: first, level: n, ...entry } of tlb.entries()) {
        expect(first % SIZES[n - 1]!).toBe(0);
        expect(entry).toEqual(model.entries.get(Model.key(first, n)));
      }
    });
  });

  test("answers for every page of a large translation, each with its own frame", () => {
    const tlb = new Tlb();
    tlb.fill(0x2ff, 2, 0x8000, true);
    expect(tlb.lookup(0x200)).toEqual({ frame: 0x8000, writable: true });
    expect(tlb.lookup(0x3ff)).toEqual({ frame: 0x81ff, writable: true });
    expect(tlb.lookup(0x1ff)).toBeNull();
    expect(tlb.lookup(0x400)).toBeNull();
  });

  test("prefers the translation of the smaller page", () => {
    const tlb = new Tlb();
    tlb.fill(0x200, 2, 0x8000, true);
    tlb.fill(0x201, 1, 0x99, false);
    expect(tlb.lookup(0x201)).toEqual({ frame: 0x99, writable: false });
    expect(tlb.lookup(0x202)).toEqual({ frame: 0x8002, writable: true });
  });

  test("tells a translation to frame 0 from none", () => {
    const tlb = new Tlb();
    tlb.fill(0, 1, 0, false);
    expect(tlb.lookup(0)).toEqual({ frame: 0, writable: false });
    expect(tlb.lookup(1)).toBeNull();
  });
});
