import { describe, expect, test } from "vitest";
import {
  kvm_mmu_page_get_gfn,
  pointerTo,
  sameRole,
  SHADOW_FRAME_BASE,
} from "../../../src/reference/machine/shadow-page.ts";
import { DIRECT_LEAF, shadowPage } from "../../support/shadow-pages.ts";

describe("a role is the same", () => {
  test("when all of its fields are", () => {
    expect(sameRole(DIRECT_LEAF, { ...DIRECT_LEAF })).toBe(true);
  });

  test.each([{ level: 2 }, { direct: false }, { access: 5 }, { smm: true }])(
    "but not when another one has %o",
    (other) => {
      expect(sameRole(DIRECT_LEAF, { ...DIRECT_LEAF, ...other })).toBe(false);
      expect(sameRole({ ...DIRECT_LEAF, ...other }, DIRECT_LEAF)).toBe(false);
    },
  );
});

describe("the gfn of an entry", () => {
  test.each([
    [1, 0x400 + 3],
    [2, 0x400 + 3 * 512],
    [3, 0x400 + 3 * 512 ** 2],
    [4, 0x400 + 3 * 512 ** 3],
  ])("follows from the table's gfn in a direct page of level %i", (level, gfn) => {
    expect(kvm_mmu_page_get_gfn(shadowPage(1, 0x400, { level }), 3)).toBe(gfn);
  });

  test("is remembered for each entry in an indirect page", () => {
    const sp = shadowPage(1, 0x400, { direct: false });
    sp.gfns![3] = 0x999;
    expect(kvm_mmu_page_get_gfn(sp, 3)).toBe(0x999);
    expect(kvm_mmu_page_get_gfn(sp, 4)).toBe(0);
  });
});

describe("a shadow page", () => {
  test("has a frame above all guest memory", () => {
    expect(shadowPage(5).frame).toBe(SHADOW_FRAME_BASE + 5);
    expect(SHADOW_FRAME_BASE * 4096).toBeGreaterThan(2 ** 47);
  });

  test("counts its unsync children by the entries that lead to them", () => {
    const sp = shadowPage(1);
    expect(sp.unsync_children).toBe(0);
    sp.unsync_child_bitmap = new Set([4, 9]);
    expect(sp.unsync_children).toBe(2);
  });

  test("gives each of its entries a pointer that no other entry has", () => {
    const pages = [shadowPage(1), shadowPage(2), shadowPage(3)];
    const pointers = pages.flatMap((sp) =>
      Array.from({ length: 512 }, (_, index) => pointerTo(sp, index)),
    );
    expect(new Set(pointers).size).toBe(3 * 512);
    expect(pointers).not.toContain(0);
  });
});
