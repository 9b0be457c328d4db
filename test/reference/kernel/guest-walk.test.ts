import { describe, expect, test } from "vitest";
import {
  gpte_access,
  gpte_changed,
  gpte_to_gfn,
  gpteAccessed,
  is_present_gpte,
  protect_clean_gpte,
  readGpte,
  walk_addr,
} from "../../../src/reference/kernel/guest-walk.ts";
import { guest, ROOT } from "../../support/guest.ts";
import {
  ACCESSED,
  DIRTY,
  FLAGS,
  gpte,
  GuestTables,
  LARGE,
  PRESENT,
  USER,
  WRITABLE,
} from "../../support/guest-tables.ts";
import { TestVm } from "../../support/vm.ts";

const EXEC_ONLY = 1;
const ALL = 7;
const NOT_WRITABLE = 5;

test("the parts of an entry", () => {
  expect([0n, 1n, 0xfffn].map(is_present_gpte)).toEqual([false, true, true]);
  expect([PRESENT, ACCESSED].map(gpteAccessed)).toEqual([false, true]);
  expect(gpte_to_gfn((1n << 63n) | gpte(0xf_1234_5678, FLAGS | DIRTY))).toBe(0xf_1234_5678);
  expect([0n, WRITABLE, USER, FLAGS].map(gpte_access)).toEqual([1, 3, 5, ALL]);
  expect(protect_clean_gpte(ALL, FLAGS)).toBe(NOT_WRITABLE);
  expect(protect_clean_gpte(ALL, FLAGS | DIRTY)).toBe(ALL);
});

describe("a walk of the guest's tables", () => {
  test("goes down four levels and notes the tables on the way", () => {
    const { tables, vcpu } = guest();
    tables.map(0x10, 0x200);
    expect(walk_addr(vcpu, 0x10, true)).toEqual({
      ...{ level: 1, gfn: 0x200, pt_access: ALL, pte_access: ALL },
      table_gfn: [ROOT + 3, ROOT + 2, ROOT + 1, ROOT],
      ptes: [1, 2, 3, 4].map((level) => tables.get(0x10, level)),
    });
  });

  test("sets accessed bits everywhere and the dirty bit for a write, in the last entry", () => {
    const { tables, vcpu } = guest();
    tables.map(0x10, 0x200);
    const marks = (): bigint[] =>
      [1, 2, 3, 4].map((level) => tables.get(0x10, level) & (ACCESSED | DIRTY));
    walk_addr(vcpu, 0x10, false);
    expect(marks()).toEqual([ACCESSED, ACCESSED, ACCESSED, ACCESSED]);
    walk_addr(vcpu, 0x10, true);
    expect(marks()).toEqual([ACCESSED | DIRTY, ACCESSED, ACCESSED, ACCESSED]);
  });

  test("grants no write through an entry that is clean and not written to now", () => {
    const { tables, vcpu } = guest();
    tables.map(0x10, 0x200);
    expect(walk_addr(vcpu, 0x10, false)?.pte_access).toBe(NOT_WRITABLE);
    expect(walk_addr(vcpu, 0x10, true)?.pte_access).toBe(ALL);
    expect(walk_addr(vcpu, 0x10, false)?.pte_access).toBe(ALL);
  });

  test.each([
    [2, 0x200, 0x345, 0x145],
    [3, 0x40000, 0x41234, 0x1234],
  ])("ends at a large page of level %i, where the address goes on", (level, base, page, within) => {
    const { tables, vcpu } = guest();
    // The low bits of the entry's address do not count.
    tables.map(page, base + 1, FLAGS | DIRTY, level);
    expect(walk_addr(vcpu, page, false)).toMatchObject({ level, gfn: base + within });
  });

  test("does not take an entry of the root for a large page", () => {
    const { tables, vcpu } = guest();
    tables.map(0x10, 0x200);
    tables.set(0x10, tables.get(0x10, 4) | LARGE, 4);
    expect(walk_addr(vcpu, 0x10, false)).toMatchObject({ level: 1, gfn: 0x200 });
  });

  test("grants what every entry on the way grants", () => {
    const { tables, vcpu } = guest();
    tables.map(0x10, 0x200, PRESENT | USER | DIRTY);
    expect(walk_addr(vcpu, 0x10, false)).toMatchObject({
      pt_access: ALL,
      pte_access: NOT_WRITABLE,
    });
    tables.set(0x10, gpte(ROOT + 2, PRESENT), 3);
    expect(walk_addr(vcpu, 0x10, false)).toMatchObject({
      pt_access: EXEC_ONLY,
      pte_access: EXEC_ONLY,
    });
  });

  test.each([1, 2, 3, 4])("ends in a fault for a write that level %i forbids", (level) => {
    const { tables, vcpu } = guest();
    tables.map(0x10, 0x200);
    tables.set(0x10, tables.get(0x10, level) & ~WRITABLE, level);
    const before = tables.get(0x10);
    expect(walk_addr(vcpu, 0x10, true)).toBeNull();
    expect(tables.get(0x10)).toBe(before);
    expect(walk_addr(vcpu, 0x10, false)).not.toBeNull();
  });

  test.each([1, 2, 3, 4])("ends in a fault where level %i has nothing", (level) => {
    const { tables, vcpu } = guest();
    tables.map(0x10, 0x200);
    tables.set(0x10, 0n, level);
    expect(walk_addr(vcpu, 0x10, false)).toBeNull();
  });

  test("ends in a fault where a table is in no slot, or in one that goes", () => {
    const { vm, tables, vcpu } = guest();
    tables.map(0x10, 0x200);
    tables.set(0x10, gpte(0x9999), 2);
    expect(walk_addr(vcpu, 0x10, false)).toBeNull();
    tables.set(0x10, gpte(ROOT + 3), 2);
    expect(walk_addr(vcpu, 0x10, false)).not.toBeNull();
    vm.thread(vm.regionCall({ id: 1, gfn: 0, npages: 0 })).until("memslots.published");
    expect(walk_addr(vcpu, 0x10, false)).toBeNull();
    expect(readGpte(vcpu, ROOT, 0)).toBeNull();
  });

  test("marks nothing in tables that the guest cannot write", () => {
    const vm = new TestVm({ machine: { paging: "shadow" } });
    vm.set({ id: 1, gfn: 0, npages: 0x400, flags: 2 });
    const tables = new GuestTables(vm, ROOT);
    tables.map(0x10, 0x200);
    const walk = walk_addr(vm.vcpu(tables.cr3), 0x10, true);
    expect(walk).toMatchObject({ gfn: 0x200 });
    expect(tables.get(0x10)).toBe(gpte(0x200));
  });

  test("notes the tables that it marks as dirty memory, once", () => {
    const vm = new TestVm({ machine: { paging: "shadow" } });
    vm.set({ id: 1, gfn: 0, npages: 0x400, flags: 1 });
    const tables = new GuestTables(vm, ROOT);
    tables.map(0x10, 0x200);
    const vcpu = vm.vcpu(tables.cr3);
    const dirty = vm.slot(1).dirty_bitmap!;
    walk_addr(vcpu, 0x10, false);
    expect(dirty).toEqual(new Set([0, 1, 2, 3].map((i) => ROOT + i)));
    dirty.clear();
    walk_addr(vcpu, 0x10, false);
    expect(dirty).toEqual(new Set());
  });

  test("tells later whether an entry that it read has changed", () => {
    const { tables, vcpu } = guest();
    tables.map(0x10, 0x200);
    const walk = walk_addr(vcpu, 0x10, true)!;
    const changed = (): boolean[] =>
      [1, 2, 3, 4].map((level) => gpte_changed(vcpu, walk, 0x10, level));
    expect(changed()).toEqual([false, false, false, false]);
    tables.set(0x10, 0n, 2);
    expect(changed()).toEqual([false, true, false, false]);
  });
});
