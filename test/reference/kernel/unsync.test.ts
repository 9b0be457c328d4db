import { describe, expect, test } from "vitest";
import {
  kvm_unlink_unsync_page,
  kvm_unsync_page,
  mark_unsync,
  mmu_pages_clear_parents,
  mmu_unsync_walk,
  mmu_zap_unsync_children,
} from "../../../src/reference/kernel/unsync.ts";
import { kvm_flush_remote_tlbs } from "../../../src/reference/kernel/flush.ts";
import { kvm_mmu_commit_zap_page } from "../../../src/reference/kernel/free.ts";
import { PageList } from "../../../src/reference/machine/page-list.ts";
import type { ShadowPage } from "../../../src/reference/machine/shadow-page.ts";
import { guest } from "../../support/guest.ts";

/** A guest with `count` level 1 tables under one of level 2, all shadowed. */
function withTables(count: number) {
  const made = guest();
  const { vm, tables, vcpu } = made;
  for (let i = 0; i < count; i++) {
    tables.map(i * 0x200, 0x200);
    vm.read(vcpu, i * 0x200 * 4096);
  }
  const [directory, pointers, root] = [2, 3, 4].map((level) => vm.page({ level, direct: false }));
  const leaves = vm.pages({ level: 1, direct: false }).reverse();
  return { ...made, leaves, above: [directory!, pointers!, root!] as const };
}

const marks = (sp: ShadowPage): number[] => [...(sp.unsync_child_bitmap ?? [])];

describe("a page that goes out of step", () => {
  test("is noted in every table above it, once", () => {
    const { vm, leaves, above } = withTables(2);
    vm.forget();
    kvm_unsync_page(vm.kvm, leaves[0]!);
    expect(above.map(marks)).toEqual([[0], [0], [0]]);
    kvm_unsync_page(vm.kvm, leaves[1]!);
    expect(above.map(marks)).toEqual([[0, 1], [0], [0]]);
    mark_unsync({ sp: above[0], index: 1 });
    expect(above.map(marks)).toEqual([[0, 1], [0], [0]]);
    expect(vm.events("unsync_page").map(({ page }) => [page.gfn, page.unsync])).toEqual([
      [leaves[0]!.gfn, false],
      [leaves[1]!.gfn, false],
    ]);
    vm.expectConsistent();
  });

  test("comes into step again: the event shows it as it was", () => {
    const { vm, leaves } = withTables(1);
    kvm_unsync_page(vm.kvm, leaves[0]!);
    vm.forget();
    kvm_unlink_unsync_page(vm.kvm, leaves[0]!);
    expect(leaves[0]!.unsync).toBe(false);
    expect(vm.events("sync_page").map(({ page }) => page.unsync)).toEqual([true]);
  });
});

describe("a walk over pages out of step", () => {
  test("finds them in table order, with the way to each", () => {
    const { vm, leaves, above } = withTables(3);
    for (const i of [2, 0]) kvm_unsync_page(vm.kvm, leaves[i]!);
    const found = mmu_unsync_walk(vm.kvm, above[2]);
    expect(found.map(({ sp }) => sp)).toEqual([leaves[0], leaves[2]]);
    expect(found[1]!.path.map(({ sp, index }) => [sp.role.level, index])).toEqual([
      [2, 2],
      [3, 0],
      [4, 0],
    ]);
  });

  test("takes a page that two entries lead to once", () => {
    const { vm, tables, vcpu, above } = withTables(1);
    // Virtual pages 0x400 on have the same level 1 table as page 0.
    tables.set(0x400, tables.get(0, 2), 2);
    vm.read(vcpu, 0x400_000);
    const leaf = vm.page({ level: 1, direct: false });
    kvm_unsync_page(vm.kvm, leaf);
    expect(marks(above[0])).toEqual([0, 2]);
    expect(mmu_unsync_walk(vm.kvm, above[2]).map(({ sp }) => sp)).toEqual([leaf]);
  });

  test("removes marks that lead nowhere", () => {
    const { vm, leaves, above } = withTables(2);
    kvm_unsync_page(vm.kvm, leaves[0]!);
    leaves[0]!.unsync = false;
    above[0].unsync_child_bitmap!.add(0x1ff);
    expect(mmu_unsync_walk(vm.kvm, above[2])).toEqual([]);
    expect(above.map(marks)).toEqual([[], [], []]);
  });

  test("has nothing to do where nothing was ever marked", () => {
    const { vm, above } = withTables(1);
    expect(above[2].unsync_child_bitmap).toBeNull();
    expect(mmu_unsync_walk(vm.kvm, above[2])).toEqual([]);
  });

  test("collects 16 pages at most, those above counted, and leaves the other marks", () => {
    const { vm, leaves, above } = withTables(20);
    for (const sp of leaves) kvm_unsync_page(vm.kvm, sp);
    const found = mmu_unsync_walk(vm.kvm, above[2]);
    expect(found.map(({ sp }) => sp)).toEqual(leaves.slice(0, 13)); // root, level 3, level 2, 13
    expect(above.map(({ unsync_children }) => unsync_children)).toEqual([20, 1, 1]);
    expect(mmu_unsync_walk(vm.kvm, above[0]).length).toBe(15);
  });

  test("takes the marks of what came into step, upwards until others remain", () => {
    const { vm, leaves, above } = withTables(2);
    for (const sp of leaves) kvm_unsync_page(vm.kvm, sp);
    const [first, second] = mmu_unsync_walk(vm.kvm, above[2]);
    mmu_pages_clear_parents(first!);
    expect(above.map(marks)).toEqual([[1], [0], [0]]);
    mmu_pages_clear_parents(second!);
    expect(above.map(marks)).toEqual([[], [], []]);
  });
});

describe("zapping what is out of step below a page", () => {
  test("takes all of it, however much, and nothing else", () => {
    const { vm, leaves, above } = withTables(20);
    leaves.slice(1).forEach((sp) => {
      kvm_unsync_page(vm.kvm, sp);
    });
    const list = new PageList();
    expect(mmu_zap_unsync_children(vm.kvm, above[1], list)).toBe(19);
    expect(list.length).toBe(19);
    expect(leaves.filter(({ invalid }) => !invalid)).toEqual([leaves[0]]);
    kvm_mmu_commit_zap_page(vm.kvm, list);
    expect(vm.pages({ level: 1, direct: false })).toEqual([leaves[0]]);
    vm.expectConsistent();
  });

  test("takes nothing when all is in step", () => {
    const { vm, above } = withTables(1);
    vm.forget();
    expect(mmu_zap_unsync_children(vm.kvm, above[2], new PageList())).toBe(0);
    expect(vm.kvm.log).toEqual([]);
    kvm_flush_remote_tlbs(vm.kvm, "invlpg");
    vm.expectConsistent();
  });
});
