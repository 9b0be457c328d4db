import { describe, expect, test } from "vitest";
import { LAST_LAYER } from "../../../src/reference/compose.ts";
import { PageList } from "../../../src/reference/machine/page-list.ts";
import { runToEnd } from "../../../src/reference/machine/thread.ts";
import { guestOutOfStep } from "../../support/guest.ts";
import { TestVm } from "../../support/vm.ts";

const LAYERS = Array.from({ length: LAST_LAYER + 1 }, (_, layer) => layer);

/** A VM whose vCPU has used `tables` level 1 tables: three pages above them, the root first. */
function vmWithTables(layer: number, tables: number): TestVm {
  const vm = new TestVm({ layer, machine: { pageBudget: 200 } });
  vm.set({ id: 1, gfn: 0, npages: 0x10000 });
  const vcpu = vm.vcpu();
  for (let i = 0; i < tables; i++) vm.read(vcpu, i * 0x20_0000);
  return vm.forget();
}

const teardown = (vm: TestVm): void => {
  runToEnd(vm.kvm.ops.kvm_arch_flush_shadow_all(vm.kvm));
};

/** The events of a teardown that matter here: breaks, flushes, reloads. */
const count = (vm: TestVm, name: "lock_break" | "remote_flush" | "reload"): number =>
  vm.events(name).length;

describe("the teardown of a VM with a vCPU that runs", () => {
  test.each(LAYERS)("leaves its root alone, at layer %i, invalid", (layer) => {
    const vm = vmWithTables(layer, 30);
    teardown(vm);
    expect(vm.pages()).toMatchObject([{ invalid: true, root_count: 1, role: { level: 4 } }]);
    expect(vm.kvm.n_used_mmu_pages).toBe(1);
    expect(count(vm, "remote_flush")).toBe(1);
    vm.expectConsistent();
  });

  test.each([
    [0, 1],
    [14, 1],
    [15, 2],
    [16, 2],
    [17, 1],
    [24, 1],
    [27, 1],
  ])("at layer %i asks for %i reload(s)", (layer, reloads) => {
    const vm = vmWithTables(layer, 30);
    teardown(vm);
    expect(count(vm, "reload")).toBe(reloads);
  });

  // 30 tables, two pages between them and the root, which does not go.
  test.each([
    [0, 3, 1],
    [16, 3, 1],
    [17, 3, 4],
    [18, 33, 32], // before each page; at the first two, nothing was freed yet
    [20, 33, 32],
    [21, 0, 1],
    [22, 0, 1],
    [23, 33, 1],
    [24, 33, 1],
    [27, 33, 1],
  ])(
    "at layer %i, the CPU always wanted, gives it up %i times and flushes %i times",
    (layer, breaks, flushes) => {
      const vm = vmWithTables(layer, 30);
      vm.kvm.mmu_lock.contend("cpu", "always");
      teardown(vm);
      expect(vm.pages().length).toBe(1);
      expect([count(vm, "lock_break"), count(vm, "remote_flush")]).toEqual([breaks, flushes]);
      vm.expectConsistent();
    },
  );

  test.each([
    [0, 1],
    [20, 1],
    [21, 0],
    [27, 0],
  ])("at layer %i raises the generation of pages by %i", (layer, raised) => {
    const vm = vmWithTables(layer, 1);
    teardown(vm);
    expect(vm.kvm.mmu_valid_gen).toBe(raised);
  });

  test.each([
    [18, 1],
    [19, 0],
  ])("at layer %i is traced as a fast invalidate %i time(s)", (layer, times) => {
    const vm = vmWithTables(layer, 1);
    teardown(vm);
    expect(vm.events("invalidate_zap_all_pages").length).toBe(times);
  });

  test("restarts for every page up to 24, from 25 on for none that takes nothing along", () => {
    const restarts = [22, 24, 25, 27].map((layer) => {
      const vm = vmWithTables(layer, 30);
      teardown(vm);
      return vm.kvm.counters.walk_restarts;
    });
    expect(restarts).toEqual([32, 32, 0, 0]); // 30 tables and two pages above them
  });
});

describe("a root in use that is younger than other pages", () => {
  // The slot with gfn 0 goes first: its root is replaced by one made after 30 tables and the one
  // above them. These are freed one by one; the page of level 3 between is younger than the root.
  test.each([
    [21, 32],
    [22, 1],
    [24, 1],
    [25, 1],
    [27, 1],
  ])("at layer %i is zapped %i time(s) at the teardown", (layer, times) => {
    const vm = vmWithTables(layer, 0);
    vm.set({ id: 2, gfn: 0x100000, npages: 0x10000 });
    const [vcpu] = vm.kvm.vcpus;
    for (let i = 0; i < 30; i++) vm.read(vcpu!, 0x1_0000_0000 + i * 0x20_0000);
    vm.delete(1);
    vm.read(vcpu!, 0x1_0000_0000);
    const [root] = vm.pages({ level: 4 });
    expect(root).toMatchObject({ invalid: false, root_count: 1 });
    vm.forget();
    teardown(vm);
    const prepared = vm.events("prepare_zap").filter(({ page }) => page.id === root!.id);
    expect(prepared.length).toBe(times);
    expect(count(vm, "reload")).toBe(1);
    teardown(vm); // at the last reference, once more: it is invalid by now
    const again = vm.events("prepare_zap").filter(({ page }) => page.id === root!.id);
    expect(again.length).toBe(layer === 21 ? times + 1 : times);
  });
});

test.each([25, 26, 27])(
  "at layer %i a page that takes others along starts the walk again",
  (layer) => {
    const { vm, table } = guestOutOfStep({ layer });
    vm.kvm.active_mmu_pages.moveToHead(table.parent_ptes[0]!.sp);
    vm.forget();
    teardown(vm);
    expect(vm.kvm.counters.walk_restarts).toBe(1);
    expect(vm.events("warn")).toEqual([]); // nobody is warned here: tables have children
    expect(vm.pages()).toMatchObject([{ invalid: true, root_count: 1 }]);
    vm.expectConsistent();
  },
);

describe("pages that a vCPU makes while a fast invalidate has given up the lock", () => {
  test.each([0, 16, 17, 18])("are not obsolete, and stay: layer %i", (layer) => {
    const vm = vmWithTables(layer, 30);
    vm.kvm.mmu_lock.contend("cpu", { at: [1] });
    const task = vm.thread(vm.kvm.ops.kvm_mmu_invalidate_zap_all_pages(vm.kvm));
    task.until("mmu_lock.break");
    const [vcpu] = vm.kvm.vcpus;
    vcpu!.requests.add("MMU_RELOAD"); // from patch 17 on, nobody may have asked yet
    vm.read(vcpu!, 0);
    task.finish();
    expect(vm.pages().map(({ mmu_valid_gen }) => mmu_valid_gen)).toEqual([1, 1, 1, 1]);
    expect(vm.read(vcpu!, 0)).toMatchObject({ outcome: "hit" });
    vm.expectConsistent();
  });
});

describe("the deletion of a slot while others want the CPU", () => {
  test("gives it up for every gfn; what is freed is flushed before", () => {
    const vm = vmWithTables(27, 2);
    vm.set({ id: 2, gfn: 0x40000, npages: 4 });
    vm.read(vm.kvm.vcpus[0]!, 0x4000_1000);
    vm.kvm.mmu_lock.contend("cpu", "always");
    vm.forget().delete(2);
    // The entries of three levels: 4, 1 and 1; then the four gfns.
    expect(count(vm, "lock_break")).toBe(10);
    // Level 1 has gfn 0x40000, so has level 2: both are freed with the first of the four gfns.
    expect(vm.events("free").map(({ page }) => [page.gfn, page.level])).toEqual([
      [0x40000, 2],
      [0x40000, 1],
    ]);
    expect(vm.flushes).toEqual(["kvm_mmu_commit_zap_page"]);
    vm.expectConsistent();
  });
});

describe("the end of a change of shadow pages", () => {
  /** What happens with a page on the list or none, and the flushes that are asked for. */
  function ends(layer: number, pages: boolean, remote: boolean, local: boolean): string[] {
    const vm = vmWithTables(layer, 1);
    const list = new PageList();
    if (pages) vm.kvm.ops.kvm_mmu_prepare_zap_page(vm.kvm, vm.page({ level: 1 }), list);
    vm.forget();
    vm.kvm.ops.kvm_mmu_flush_or_zap(vm.kvm.vcpus[0]!, list, remote, local);
    return vm.kvm.log!.map(({ event }) => event);
  }

  test.each([
    [false, false, false, []],
    [false, false, true, ["local_flush"]],
    [false, true, false, ["remote_flush"]],
    [false, true, true, ["remote_flush"]],
    [true, false, false, ["commit", "remote_flush", "free"]],
    [true, false, true, ["commit", "remote_flush", "free"]],
    [true, true, false, ["commit", "remote_flush", "free"]],
    [true, true, true, ["commit", "remote_flush", "free"]],
  ])("pages %s, remote %s, local %s: %j", (pages, remote, local, events) => {
    for (const layer of [0, 9, 10, 27]) expect(ends(layer, pages, remote, local)).toEqual(events);
  });
});

describe("preparing a page to be freed", () => {
  test("from patch 25 on tells whether other pages went along, and how many in all", () => {
    const { vm, table } = guestOutOfStep();
    const { kvm } = vm;
    const [parent] = table.parent_ptes;
    const list = new PageList();
    expect(kvm.ops.__kvm_mmu_prepare_zap_page(kvm, parent!.sp, list)).toEqual({
      nr_zapped: 2,
      list_unstable: true,
    });
    expect(list.length).toBe(2);
    const root = vm.page({ level: 4 });
    expect(kvm.ops.__kvm_mmu_prepare_zap_page(kvm, root, list)).toEqual({
      nr_zapped: 0,
      list_unstable: false,
    });
  });

  test.each([
    [24, 2],
    [25, 1],
    [27, 1],
  ])("returns how many went at layer %i, or whether any did: %i", (layer, returned) => {
    const { vm, table } = guestOutOfStep({ layer });
    const [parent] = table.parent_ptes;
    const { kvm } = vm;
    expect(kvm.ops.kvm_mmu_prepare_zap_page(kvm, parent!.sp, new PageList())).toBe(returned);
    const root = vm.page({ level: 4 });
    expect(kvm.ops.kvm_mmu_prepare_zap_page(kvm, root, new PageList())).toBe(0);
  });

  test.each([
    [0, false],
    [14, false],
    [15, true],
    [27, true],
  ])("of a root in use that is obsolete asks for a reload at layer %i: %s", (layer, asks) => {
    const vm = vmWithTables(layer, 1);
    const root = vm.page({ level: 4 });
    vm.kvm.mmu_valid_gen++;
    vm.kvm.ops.kvm_mmu_prepare_zap_page(vm.kvm, root, new PageList());
    expect(count(vm, "reload")).toBe(asks ? 1 : 0);
    vm.kvm.ops.kvm_mmu_prepare_zap_page(vm.kvm, root, new PageList());
    expect(count(vm, "reload")).toBe(asks ? 1 : 0); // once it is invalid nobody is asked again
  });
});

describe("the shrinker", () => {
  const shrink = (vm: TestVm): number => runToEnd(vm.kvm.ops.mmu_shrink_scan(vm.kvm));

  test.each([0, 15, 16, 27])("has nothing to do without pages, at layer %i", (layer) => {
    const vm = new TestVm({ layer });
    expect(vm.thread(vm.kvm.ops.mmu_shrink_scan(vm.kvm)).points()).toEqual([]);
    expect(shrink(vm)).toBe(0);
  });

  test.each([0, 15, 16, 27])(
    "zaps the oldest page, which may be a root in use, at layer %i",
    (layer) => {
      const vm = vmWithTables(layer, 2);
      const [newest, , , above, root] = vm.pages();
      expect(shrink(vm)).toBe(0); // the root does not go on the list
      expect(root).toMatchObject({ invalid: true, freed: false });
      expect(shrink(vm)).toBe(1);
      expect(above).toMatchObject({ role: { level: 3 }, freed: true });
      expect(newest!.freed).toBe(false);
      vm.expectConsistent();
    },
  );

  /** A fast invalidate has zapped ten pages and given up the lock. */
  function inTheMiddle(layer: number) {
    const vm = vmWithTables(layer, 30);
    vm.kvm.mmu_lock.contend("cpu", { at: [1] });
    const task = vm.thread(vm.kvm.ops.kvm_mmu_invalidate_zap_all_pages(vm.kvm));
    task.until("mmu_lock.break");
    expect(vm.events("prepare_zap").length).toBe(11); // the root is none of the ten
    vm.forget();
    return { vm, task };
  }

  test("up to patch 15 frees what a fast invalidate has zapped already, and no more", () => {
    const { vm, task } = inTheMiddle(15);
    expect(shrink(vm)).toBe(0);
    expect(vm.events("free").length).toBe(10);
    expect(vm.events("prepare_zap")).toEqual([]);
    task.finish();
    vm.expectConsistent();
  });

  test("from patch 16 on zaps the oldest page; what was zapped stays until the walk ends", () => {
    const { vm, task } = inTheMiddle(16);
    expect(shrink(vm)).toBe(1);
    expect(vm.events("free").length).toBe(1);
    expect(vm.events("prepare_zap").length).toBe(1);
    task.finish();
    vm.expectConsistent();
  });

  test("up to patch 15 frees them also when no other page is left", () => {
    const vm = vmWithTables(15, 1);
    vm.kvm.vcpus[0]!.roots = null;
    const list = vm.kvm.zapped_obsolete_pages;
    for (const sp of vm.pages()) {
      sp.root_count = 0;
      vm.kvm.ops.kvm_mmu_prepare_zap_page(vm.kvm, sp, list);
    }
    expect(vm.kvm.n_used_mmu_pages).toBe(0);
    expect(shrink(vm)).toBe(0);
    expect([...vm.kvm.allPages]).toEqual([]);
  });
});
