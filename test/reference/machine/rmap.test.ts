import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { check } from "../../../suites/support/property.ts";
import { KernelBug } from "../../../src/reference/machine/failures.ts";
import { Rmap } from "../../../src/reference/machine/rmap.ts";

const index = fc.constantFrom(0, 1, 511, 512, 100_000);
/** Pointers are ids times 512 plus an index; an id is at least 1. */
const pointer = fc.integer({ min: 512, max: 518 });
const change = fc.record({ add: fc.boolean(), index, pointer });

describe("Rmap", () => {
  test("holds the pointers of each index, as a Map of lists would", () => {
    check(fc.array(change, { maxLength: 60 }), 300, (changes) => {
      const rmap = new Rmap(1, 100_001);
      const model = new Map<number, number[]>();
      for (const each of changes) {
        const held = model.get(each.index) ?? [];
        if (each.add) {
          // An SPTE is entered into the rmap of its gfn once.
          if (held.includes(each.pointer)) continue;
          expect(rmap.add(each.index, each.pointer)).toBe(held.length);
          model.set(each.index, [...held, each.pointer]);
        } else if (held.includes(each.pointer)) {
          rmap.remove(each.index, each.pointer);
          model.set(
            each.index,
            held.filter((other) => other !== each.pointer),
          );
        } else {
          expect(() => {
            rmap.remove(each.index, each.pointer);
          }).toThrow(KernelBug);
        }
      }
      for (const i of [0, 1, 511, 512, 100_000, 3]) {
        expect(rmap.pointers(i)).toEqual(model.get(i) ?? []);
        expect(rmap.first(i)).toBe(model.get(i)?.[0] ?? 0);
      }
      const mapped = [...model].filter(([, held]) => held.length > 0).map(([i]) => i);
      expect([...rmap.mapped()]).toEqual(mapped.sort((a, b) => a - b));
    });
  });

  test("names index and SPTE when an entry to be removed is not there", () => {
    const rmap = new Rmap(1, 100_001);
    rmap.add(7, 1024);
    expect(() => {
      rmap.remove(7, 1025);
    }).toThrow("rmap of index 7 does not hold SPTE 1025");
    expect(rmap.pointers(7)).toEqual([1024]);
  });

  test("stops at an index that lies beyond it, whatever is done there", () => {
    const rmap = new Rmap(2, 1);
    const beyond =
      "index 1 lies beyond the rmap of 2M pages, which has 1: it was made before the slot moved";
    const uses = [
      () => rmap.add(1, 1024),
      () => rmap.first(1),
      () => rmap.pointers(1),
      () => {
        rmap.remove(1, 1024);
      },
    ];
    for (const use of uses) expect(use).toThrow(new KernelBug(beyond));
    expect(rmap.pointers(0)).toEqual([]);
  });

  test("lets entries be removed while the pointers of an index are gone through", () => {
    const rmap = new Rmap(1, 100_001);
    for (const each of [600, 700, 800]) rmap.add(0, each);
    for (const each of rmap.pointers(0)) rmap.remove(0, each);
    expect(rmap.pointers(0)).toEqual([]);
  });
});
