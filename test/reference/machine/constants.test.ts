import { describe, expect, test } from "vitest";
import * as constants from "../../../src/reference/machine/constants.ts";

describe("the constants of Linux v5.0 on x86-64", () => {
  test.each([
    ["PAGE_SHIFT", 12],
    ["PAGE_SIZE", 4096],
    ["PT64_ENT_PER_PAGE", 512],
    ["KVM_USER_MEM_SLOTS", 509],
    ["KVM_PRIVATE_MEM_SLOTS", 3],
    ["KVM_MEM_SLOTS_NUM", 512],
    ["KVM_MEM_MAX_NR_PAGES", 2_147_483_647],
    ["KVM_MEM_LOG_DIRTY_PAGES", 1],
    ["KVM_MEM_READONLY", 2],
    ["KVM_MEMSLOT_INVALID", 65_536],
    ["TASK_SIZE_MAX", 0x7fff_ffff_f000],
    ["ACC_ALL", 7],
    ["PTE_PREFETCH_NUM", 8],
    ["KVM_MMU_NUM_PREV_ROOTS", 3],
    ["KVM_PERMILLE_MMU_PAGES", 20],
    ["KVM_MIN_ALLOC_MMU_PAGES", 64],
    ["KVM_MIN_FREE_MMU_PAGES", 5],
    ["KVM_REFILL_PAGES", 25],
    ["RMAP_RECYCLE_THRESHOLD", 1000],
  ] as const)("%s is %d", (name, value) => {
    expect(constants[name]).toBe(value);
  });

  test("the bits of an error code are those of the architecture", () => {
    expect([
      constants.PFERR_PRESENT_MASK,
      constants.PFERR_WRITE_MASK,
      constants.PFERR_USER_MASK,
      constants.PFERR_RSVD_MASK,
      constants.PFERR_FETCH_MASK,
    ]).toEqual([1, 2, 4, 8, 16]);
  });

  test("an entry maps 4 KiB, 2 MiB, 1 GiB or 512 GiB", () => {
    const bytes = [1, 2, 3, 4].map((level) => constants.pagesAtLevel(level) * 4096);
    expect(bytes).toEqual([2 ** 12, 2 ** 21, 2 ** 30, 2 ** 39]);
  });
});
