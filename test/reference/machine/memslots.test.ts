import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { check } from "../../../suites/support/property.ts";
import { KernelBug } from "../../../src/reference/machine/failures.ts";
import {
  __mmu_gfn_lpage_is_disallowed,
  arraysCanServe,
  checkLargePage,
  gfn_to_index,
  hostPage,
  isReadonly,
  type Memslot,
  MemslotArch,
  Memslots,
  update_gfn_disallow_lpage_count,
  visible,
} from "../../../src/reference/machine/memslots.ts";

const INVALID = 1 << 16;

const slot = (given: Partial<Memslot> = {}): Memslot => {
  const place = { base_gfn: 0, npages: 1, userspace_addr: 0, ...given };
  return { id: 0, ...place, flags: 0, dirty_bitmap: null, arch: new MemslotArch(place), ...given };
};

/** Slots that do not overlap, each a little after the one before, with ids in any order. */
const slots = fc
  .array(fc.record({ gap: fc.nat({ max: 3 }), npages: fc.integer({ min: 1, max: 5 }) }), {
    maxLength: 8,
  })
  .chain((shapes) =>
    fc.tuple(
      fc.constant(shapes),
      fc.shuffledSubarray(
        shapes.map((_, i) => i),
        { minLength: shapes.length },
      ),
    ),
  )
  .map(([shapes, ids]) => {
    let next = 0;
    return shapes.map(({ gap, npages }, i) => {
      const made = slot({ id: ids[i]!, base_gfn: next + gap, npages });
      next = made.base_gfn + npages;
      return made;
    });
  });

const linearLookup = (all: readonly Memslot[], gfn: number): Memslot | null =>
  all.find((each) => gfn >= each.base_gfn && gfn < each.base_gfn + each.npages) ?? null;

describe("Memslots", () => {
  test("finds the slot that covers a gfn, whichever and however many there are", () => {
    check(slots, 300, (all) => {
      const set = new Memslots(0n, all);
      for (let gfn = 0; gfn < 70; gfn++) {
        expect(set.__gfn_to_memslot(gfn)).toBe(linearLookup(all, gfn));
      }
    });
  });

  test("finds a slot by its id", () => {
    check(slots, 100, (all) => {
      const set = new Memslots(0n, all);
      for (let id = 0; id < 9; id++) {
        expect(set.id_to_memslot(id)).toBe(all.find((each) => each.id === id) ?? null);
      }
    });
  });

  test("a lookup also gives a slot that is being deleted", () => {
    const doomed = slot({ base_gfn: 4, flags: INVALID });
    expect(new Memslots(0n, [doomed]).__gfn_to_memslot(4)).toBe(doomed);
  });

  test("keeps the order of the gfns when a slot comes, moves or goes", () => {
    check(fc.tuple(slots, fc.nat({ max: 8 }), fc.nat({ max: 80 })), 300, ([all, id, base_gfn]) => {
      const set = new Memslots(0n, all);
      const others = all.filter((each) => each.id !== id);
      const moved = slot({ id, base_gfn });
      if (others.every((other) => other.base_gfn !== base_gfn)) {
        const bases = set.withSlot(id, moved).map((each) => each.base_gfn);
        expect(bases).toEqual([...bases].sort((a, b) => a - b));
        expect(new Set(set.withSlot(id, moved))).toEqual(new Set([...others, moved]));
      }
      expect(set.withSlot(id, null)).toEqual(others);
      expect(set.slots).toEqual(all);
    });
  });
});

describe("a slot", () => {
  test("is visible unless it is being deleted or moved, or there is none", () => {
    const there = slot({ flags: 3 });
    expect(visible(there)).toBe(there);
    expect(visible(slot({ flags: INVALID }))).toBeNull();
    expect(visible(slot({ flags: INVALID | 1 }))).toBeNull();
    expect(visible(null)).toBeNull();
  });

  test("is read-only by its flag", () => {
    expect([0, 1, 2, 3].map((flags) => isReadonly(slot({ flags })))).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });

  test("has a host page behind each gfn", () => {
    const made = slot({ base_gfn: 0x100, npages: 8, userspace_addr: 0x7000_0000 });
    expect(hostPage(made, 0x100)).toBe(0x70000);
    expect(hostPage(made, 0x107)).toBe(0x70007);
  });
});

describe("the index of a gfn in a slot's arrays", () => {
  test.each([
    [1, 0x1ff, 0],
    [1, 0x203, 4],
    [2, 0x1ff, 0],
    [2, 0x200, 1],
    [2, 0x3ff, 1],
    [2, 0x400, 2],
    [3, 0x3ffff, 0],
    [3, 0x40000, 1],
  ])("at level %i is, for gfn 0x%s of a slot at 0x1ff", (level, gfn, index) => {
    expect(gfn_to_index(gfn, 0x1ff, level)).toBe(index);
  });
});

describe("a large page", () => {
  const MIB_2 = 512;
  const GIB = 512 * 512;

  test("may cover a gfn when slot and host memory are aligned alike and it lies in the slot", () => {
    const made = slot({ base_gfn: MIB_2, npages: 2 * MIB_2, userspace_addr: 4 * MIB_2 * 4096 });
    expect(__mmu_gfn_lpage_is_disallowed(MIB_2 + 5, 2, made)).toBe(false);
    expect(__mmu_gfn_lpage_is_disallowed(3 * MIB_2 - 1, 2, made)).toBe(false);
  });

  test("must not when guest and host addresses differ in their alignment", () => {
    const made = slot({ base_gfn: MIB_2, npages: MIB_2, userspace_addr: (MIB_2 + 1) * 4096 });
    expect(__mmu_gfn_lpage_is_disallowed(MIB_2, 2, made)).toBe(true);
  });

  test("must not reach over either end of the slot", () => {
    const made = slot({ base_gfn: 1, npages: 3 * MIB_2 - 2, userspace_addr: 4096 });
    const verdicts = [5, MIB_2, 2 * MIB_2].map((gfn) =>
      __mmu_gfn_lpage_is_disallowed(gfn, 2, made),
    );
    expect(verdicts).toEqual([true, false, true]);
  });

  test("of 1 GiB needs a whole aligned gigabyte", () => {
    const made = slot({ base_gfn: GIB, npages: 2 * GIB - 1, userspace_addr: GIB * 4096 });
    expect(__mmu_gfn_lpage_is_disallowed(2 * GIB - 1, 3, made)).toBe(false);
    expect(__mmu_gfn_lpage_is_disallowed(2 * GIB, 3, made)).toBe(true);
    expect(__mmu_gfn_lpage_is_disallowed(2 * GIB, 2, made)).toBe(false);
  });

  test("must not cover a shadowed table until as many reasons went as came", () => {
    const made = slot({ base_gfn: 0, npages: 4 * GIB });
    const disallowed = (gfn: number): boolean[] =>
      [2, 3].map((level) => __mmu_gfn_lpage_is_disallowed(gfn, level, made));
    update_gfn_disallow_lpage_count(made, MIB_2 + 7, 1);
    update_gfn_disallow_lpage_count(made, MIB_2 + 9, 1);
    expect(disallowed(MIB_2)).toEqual([true, true]);
    expect(disallowed(0)).toEqual([false, true]);
    expect(disallowed(GIB)).toEqual([false, false]);
    update_gfn_disallow_lpage_count(made, MIB_2 + 9, -1);
    expect(disallowed(MIB_2)).toEqual([true, true]);
    update_gfn_disallow_lpage_count(made, MIB_2 + 7, -1);
    expect(disallowed(MIB_2)).toEqual([false, false]);
  });
});

describe("the arrays of a slot that has moved", () => {
  const MIB_2 = 512;
  const GIB = 512 * 512;
  const HOST = 8 * GIB * 4096;

  /** A slot at one place with the arrays of another one. */
  const moved = (from: number, to: number, npages: number): Memslot => {
    const arch = new MemslotArch({ base_gfn: from, npages, userspace_addr: HOST });
    return slot({ base_gfn: to, npages, userspace_addr: HOST, arch });
  };

  test.each([
    ["a 2 MiB slot from an aligned base to an unaligned one", GIB, 0x280, MIB_2, false],
    ["the other way round", 0x280, GIB, MIB_2, true],
    ["a 2 MiB slot between bases aligned to 2M", GIB, 3 * MIB_2, MIB_2, true],
    ["a GiB from a base aligned to 1G to one aligned to 2M", GIB, 2 * GIB + MIB_2, GIB, false],
    ["a GiB between bases aligned to 1G", GIB, 3 * GIB, GIB, true],
    ["a page, wherever it goes", 0, 0x1ff, 1, true],
    ["two pages to where they touch two regions", 0, 0x1ff, 2, false],
    ["a slot in the middle to where it is as long, but has no large page", 0, 0x100, 1024, false],
  ])("serve, or do not: %s", (_what, from, to, npages, serve) => {
    const place = (base_gfn: number) => ({ base_gfn, npages, userspace_addr: HOST });
    expect(arraysCanServe(place(from), place(to))).toBe(serve);
  });

  test("serve wherever nothing beyond them is used and no large page is where none fits", () => {
    const base = fc.integer({ min: 0, max: 4 * MIB_2 });
    const input = fc.tuple(base, base, fc.integer({ min: 1, max: 3 * MIB_2 }));
    check(input, 500, ([from, to, npages]) => {
      const made = moved(from, to, npages);
      const uses = [to, to + npages - 1, ...[1, 2, 3, 4, 5, 6, 7].map((n) => n * MIB_2)].filter(
        (gfn) => gfn >= to && gfn < to + npages,
      );
      const use = (): void => {
        for (const gfn of uses) {
          made.arch.rmap[1]!.first(gfn_to_index(gfn, to, 2));
          if (!__mmu_gfn_lpage_is_disallowed(gfn, 2, made)) checkLargePage(made, gfn, 2);
        }
      };
      if (arraysCanServe(made.arch.madeFor, made)) expect(use).not.toThrow();
      else expect(use).toThrow(KernelBug);
    });
  });

  test("permit a large page that leads out of the slot, which is found when it is mapped", () => {
    const made = moved(GIB, 0x280, MIB_2);
    expect(__mmu_gfn_lpage_is_disallowed(0x280, 2, made)).toBe(false);
    expect(() => {
      checkLargePage(made, 0x280, 2);
    }).toThrow("a page of 2M around gfn 0x280 leads beyond its slot");
    expect(() => __mmu_gfn_lpage_is_disallowed(0x400, 2, made)).toThrow(
      "index 1 lies beyond the lpage_info of 2M pages, which has 1",
    );
  });
});
