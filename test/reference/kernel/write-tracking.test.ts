import { describe, expect, test } from "vitest";
import {
  __rmap_write_protect,
  account_shadowed,
  indirectValidPages,
  kvm_page_track_is_active,
  mmu_need_write_protect,
  rmap_write_protect,
  unaccount_shadowed,
} from "../../../src/reference/kernel/write-tracking.ts";
import { KernelBug } from "../../../src/reference/machine/failures.ts";
import { mmu_gfn_lpage_is_disallowed } from "../../../src/reference/kernel/map.ts";
import { guest, guestOutOfStep, ROOT } from "../../support/guest.ts";
import { shadowPage } from "../../support/shadow-pages.ts";
import { TestVm } from "../../support/vm.ts";

/** A guest whose tables are shadowed: root, 3, 2 and 1 at gfns 0x100 to 0x103. */
function shadowed(machine = {}) {
  const made = guest({ machine });
  made.tables.map(0x10, 0x200);
  made.vm.write(made.vcpu, 0x10_000);
  return made;
}

describe("a guest page table that is shadowed", () => {
  test("is tracked at level 2 and above; at level 1 it may go out of step", () => {
    const { vcpu } = shadowed();
    const tracked = [0, 1, 2, 3, 4].map((i) => kvm_page_track_is_active(vcpu, ROOT + i));
    expect(tracked).toEqual([true, true, true, false, false]);
  });

  test("is tracked no longer when its shadow goes; large pages may cover it again", () => {
    const { vm, vcpu } = shadowed();
    const disallowed = (): boolean => mmu_gfn_lpage_is_disallowed(vcpu, ROOT, 2);
    expect(disallowed()).toBe(true);
    expect(vm.kvm.indirect_shadow_pages).toBe(4);
    for (const sp of vm.pages({ direct: false })) unaccount_shadowed(vm.kvm, sp);
    expect(vm.kvm.indirect_shadow_pages).toBe(0);
    expect(disallowed()).toBe(false);
    expect(kvm_page_track_is_active(vcpu, ROOT)).toBe(false);
  });

  test("must be in a slot: the kernel has read it there", () => {
    const { vm } = guest();
    expect(() => {
      account_shadowed(vm.kvm, shadowPage(9, 0x9999, { direct: false }));
    }).toThrow(new KernelBug("no slot holds the guest page table at gfn 0x9999"));
  });

  test("that could be written until now is protected everywhere, with a flush", () => {
    const { vm, tables, vcpu } = guest();
    const flat = vm.vcpu();
    vm.write(flat, (ROOT + 1) * 4096 + 0xff8, 0n);
    vm.forget();
    tables.map(0x10, 0x200);
    vm.read(vcpu, 0x10_000);
    // The root's table was mapped along with its neighbour.
    expect(vm.flushes).toEqual(["kvm_mmu_get_page", "kvm_mmu_get_page"]);
    expect(vm.entry(flat, (ROOT + 1) * 4096)).toMatchObject({ kind: "leaf", writable: false });
    vm.expectConsistent();
  });
});

describe("whether a mapping of a gfn must stay read-only", () => {
  test("is no question without shadowed tables", () => {
    const { vcpu } = guest();
    expect(mmu_need_write_protect(vcpu, ROOT, false)).toBe(false);
  });

  test("tables of level 2 and above must; a table of level 1 goes out of step, if it may", () => {
    const { vm, vcpu } = shadowed();
    const table = vm.page({ level: 1, direct: false });
    expect(mmu_need_write_protect(vcpu, ROOT + 2, true)).toBe(true);
    expect(mmu_need_write_protect(vcpu, 0x200, false)).toBe(false);
    expect(mmu_need_write_protect(vcpu, ROOT + 3, false)).toBe(true);
    expect(table.unsync).toBe(false);
    expect(mmu_need_write_protect(vcpu, ROOT + 3, true)).toBe(false);
    expect(table.unsync).toBe(true);
    vm.forget();
    expect(mmu_need_write_protect(vcpu, ROOT + 3, true)).toBe(false);
    expect(vm.events("unsync_page")).toEqual([]); // it is already
  });

  test("asks only for pages that shadow a table, and not for zapped ones", () => {
    const { vm, vcpu } = shadowed();
    const found = (gfn: number): number[] =>
      [...indirectValidPages(vm.kvm, gfn)].map(({ role }) => role.level);
    expect([found(ROOT), found(ROOT + 3), found(0)]).toEqual([[4], [1], []]);
    const direct = vm.vcpu();
    vm.read(direct, 0x200_000);
    expect(found(0)).toEqual([]);
    vm.page({ gfn: ROOT }).invalid = true;
    expect(found(ROOT)).toEqual([]);
    expect(vcpu.roots?.[0]?.gfn).toBe(ROOT);
  });
});

describe("write protection", () => {
  test("takes the writable bit from every entry of the gfn, and says whether a flush is owed", () => {
    const { vm, tables, vcpu } = guest();
    for (const page of [0x10, 0x13]) {
      tables.map(page, 0x200);
      vm.write(vcpu, page * 4096);
    }
    const [rmap] = vm.slot(1).arch.rmap;
    const writable = (): boolean[] =>
      [0x10_000, 0x13_000].map((address) => {
        const entry = vm.entry(vcpu, address)!;
        return entry.kind === "leaf" && entry.writable;
      });
    expect(writable()).toEqual([true, true]);
    expect(__rmap_write_protect(vm.kvm, rmap!, 0x200, true)).toBe(true);
    expect(writable()).toEqual([false, false]);
    expect(__rmap_write_protect(vm.kvm, rmap!, 0x200, true)).toBe(false);
    expect(__rmap_write_protect(vm.kvm, rmap!, 0x201, true)).toBe(false);
  });

  test("of a gfn takes large pages, too; of a gfn without a slot there is nothing to take", () => {
    const vm = new TestVm({ machine: { hostPageLevel: 2 } });
    vm.set({ id: 1, gfn: 0, npages: 0x200 });
    const vcpu = vm.vcpu();
    vm.write(vcpu, 0);
    expect(rmap_write_protect(vcpu, 0x9999)).toBe(false);
    expect(rmap_write_protect(vcpu, 0x123)).toBe(true);
    expect(vm.entry(vcpu, 0)).toMatchObject({ level: 2, writable: false });
  });
});

test("a table out of step is protected again when it is brought into step", () => {
  const { vm, tables, vcpu, table } = guestOutOfStep();
  expect(table.unsync).toBe(true);
  vm.forget();
  vm.loadCr3(vcpu, tables.cr3);
  expect(table.unsync).toBe(false);
  expect(vm.entry(vcpu, 0x20_000)).toMatchObject({ writable: false });
  // The second one is for the accessed bits, which entries lose when they are synced.
  expect(vm.flushes).toEqual(["mmu_sync_children", "sync_page"]);
  vm.expectConsistent();
});
