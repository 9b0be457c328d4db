import { describe, expect, test } from "vitest";
import {
  kvm_mmu_calculate_default_mmu_pages,
  kvm_mmu_change_mmu_pages,
  make_mmu_pages_available,
  prepare_zap_oldest_mmu_page,
} from "../../../src/reference/kernel/budget.ts";
import { PageList } from "../../../src/reference/machine/page-list.ts";
import { runToEnd } from "../../../src/reference/machine/thread.ts";
import type { Vcpu } from "../../../src/reference/machine/vcpu.ts";
import { TestVm } from "../../support/vm.ts";

const MIB_2 = 0x200;

/**
 * A VM with a fixed budget, and a vCPU that has used `tables` level 1 tables, one for each 2 MiB.
 */
function vmWithTables(tables: number, pageBudget: number | null = 64): { vm: TestVm; vcpu: Vcpu } {
  const vm = new TestVm({ machine: { pageBudget } });
  vm.set({ id: 1, gfn: 0, npages: 0x10000 });
  const vcpu = vm.vcpu();
  for (let i = 0; i < tables; i++) vm.read(vcpu, i * MIB_2 * 4096);
  return { vm, vcpu };
}

describe("the shadow page budget", () => {
  test("is 2% of the guest's pages in all address spaces, rounded down, and at least 64", () => {
    const vm = new TestVm();
    expect(kvm_mmu_calculate_default_mmu_pages(vm.kvm)).toBe(64);
    vm.set({ id: 1, gfn: 0, npages: 3200 });
    expect(kvm_mmu_calculate_default_mmu_pages(vm.kvm)).toBe(64);
    vm.set({ id: 2, as: 1, gfn: 0, npages: 99 });
    expect(kvm_mmu_calculate_default_mmu_pages(vm.kvm)).toBe(65);
  });

  test("follows the memory with every region call", () => {
    const vm = new TestVm();
    const budgets = [0x10000, 0x20000].map((npages, id) => {
      vm.set({ id, gfn: id * 0x100000, npages });
      return vm.kvm.n_max_mmu_pages;
    });
    expect(budgets).toEqual([1310, 3932]);
    vm.delete(1);
    expect(vm.kvm.n_max_mmu_pages).toBe(1310);
  });

  test("stays as userspace has set it", () => {
    const vm = new TestVm({ machine: { pageBudget: 100 } });
    vm.set({ id: 1, gfn: 0, npages: 0x10000 });
    vm.delete(1);
    expect(vm.kvm.n_max_mmu_pages).toBe(100);
  });
});

describe("a smaller budget", () => {
  test("zaps the oldest pages above it and frees them with one commit", () => {
    const { vm } = vmWithTables(3);
    const ids = vm.pages().map(({ id }) => id);
    expect(ids).toEqual([6, 5, 4, 3, 2, 1]);
    // The root (1) is in use and stays where it is the oldest: only what comes before it can go.
    vm.kvm.active_mmu_pages.moveToHead(vm.page({ level: 4 }));
    vm.forget();
    runToEnd(kvm_mmu_change_mmu_pages(vm.kvm, 4));
    expect(vm.pages().map(({ id }) => id)).toEqual([1, 6, 5, 4]);
    expect(vm.events("commit")).toEqual([{ event: "commit", pages: 2 }]);
    expect(vm.kvm.n_max_mmu_pages).toBe(4);
  });

  test("stops at a root in use, which is zapped but not freed, and becomes what is left", () => {
    const { vm, vcpu } = vmWithTables(3);
    vm.forget();
    runToEnd(kvm_mmu_change_mmu_pages(vm.kvm, 2));
    expect(vm.kvm.n_max_mmu_pages).toBe(6);
    expect(vm.page({ level: 4 })).toMatchObject({ invalid: true, root_count: 1 });
    expect(vcpu.requests).toEqual(new Set(["MMU_RELOAD"]));
    expect(vm.events("commit")).toEqual([]);
  });

  test("that is not below what is in use zaps nothing", () => {
    const { vm } = vmWithTables(3);
    vm.forget();
    runToEnd(kvm_mmu_change_mmu_pages(vm.kvm, 6));
    expect([vm.pages().length, vm.kvm.n_max_mmu_pages]).toEqual([6, 6]);
    expect(vm.kvm.log).toEqual([]);
  });

  test("comes with the deletion of memory, and may hit a root in use, whatever was deleted", () => {
    const vm = new TestVm();
    vm.set({ id: 100, gfn: 0x100000, npages: 0x10000 });
    for (let i = 0; i < 70; i++) vm.set({ id: i, gfn: i * MIB_2, npages: 1 });
    const vcpu = vm.vcpu();
    for (let i = 0; i < 70; i++) vm.read(vcpu, i * MIB_2 * 4096);
    expect(vm.pages().length).toBe(73);
    vm.forget().delete(100); // nothing of it was ever touched
    expect(vm.events("prepare_zap").map(({ page }) => page.level)).toEqual([4]);
    expect(vm.events("reload").length).toBe(1);
    expect(vm.kvm.n_max_mmu_pages).toBe(73);
    expect(vm.read(vcpu, 0)).toMatchObject({ outcome: "mapped" });
    vm.expectConsistent();
  });
});

describe("a fault", () => {
  test("recycles the oldest pages when fewer than 5 are left, until 25 are", () => {
    const { vm, vcpu } = vmWithTables(57); // 3 above them: 60 of 64 are in use
    vm.kvm.active_mmu_pages.moveToHead(vm.page({ level: 4 }));
    vm.forget();
    const next = (i: number): void => {
      vm.read(vcpu, i * MIB_2 * 4096);
    };
    next(57);
    // Down to 64 - 25 = 39, and then the tables that the new mapping needs: levels 3, 2 and 1.
    expect(vm.events("prepare_zap").map(({ page }) => page.id)).toEqual(
      Array.from({ length: 21 }, (_, i) => i + 2),
    );
    expect(vm.events("commit").length).toBe(1);
    expect(vm.pages().length).toBe(42);
    vm.expectConsistent();
  });

  test("recycles nothing while 5 are left", () => {
    const { vm, vcpu } = vmWithTables(56);
    expect(vm.kvm.n_used_mmu_pages).toBe(59);
    vm.forget().read(vcpu, 56 * MIB_2 * 4096);
    expect(vm.events("prepare_zap")).toEqual([]);
    expect(vm.kvm.n_used_mmu_pages).toBe(60);
  });

  test("has room as long as one page is left, though it could recycle nothing", () => {
    const { kvm } = vmWithTables(1).vm; // a root in use, the oldest page, and three tables
    kvm.n_max_mmu_pages = 5;
    expect(make_mmu_pages_available(kvm)).toBe(true);
    expect(kvm.n_used_mmu_pages).toBe(4);
  });

  test("has no room when the budget is used up and the oldest page is a root in use", () => {
    const { kvm } = vmWithTables(1).vm;
    kvm.n_max_mmu_pages = 4;
    expect(make_mmu_pages_available(kvm)).toBe(false);
    expect(kvm.n_used_mmu_pages).toBe(4);
    // The root is zapped and has gone to the head: next time there are tables to free.
    expect(make_mmu_pages_available(kvm)).toBe(true);
    expect(kvm.n_used_mmu_pages).toBe(1);
  });
});

describe("the oldest page", () => {
  test("is prepared, and counts when it went on the list", () => {
    const { vm } = vmWithTables(1);
    const list = new PageList();
    expect(prepare_zap_oldest_mmu_page(vm.kvm, list)).toBe(false); // the root
    expect(prepare_zap_oldest_mmu_page(vm.kvm, list)).toBe(true);
    expect([...list.newestFirst()].map(({ role }) => role.level)).toEqual([3]);
  });

  test("is none in a VM without shadow pages", () => {
    expect(prepare_zap_oldest_mmu_page(new TestVm().kvm, new PageList())).toBe(false);
  });
});
