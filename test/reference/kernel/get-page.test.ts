import { describe, expect, test } from "vitest";
import {
  __kvm_sync_page,
  kvm_mmu_get_page,
  kvm_sync_page,
} from "../../../src/reference/kernel/get-page.ts";
import { PageList } from "../../../src/reference/machine/page-list.ts";
import type { Role } from "../../../src/reference/machine/shadow-page.ts";
import { guest, guestOutOfStep } from "../../support/guest.ts";
import { DIRECT_LEAF } from "../../support/shadow-pages.ts";
import { TestVm } from "../../support/vm.ts";

const INDIRECT_LEAF: Role = { ...DIRECT_LEAF, direct: false };

describe("the shadow page of a gfn and role", () => {
  test("is made when there is none, and found when there is", () => {
    const vm = new TestVm();
    const vcpu = vm.vcpu();
    const made = kvm_mmu_get_page(vcpu, 0x200, DIRECT_LEAF);
    made.write_flooding_count = 2;
    expect(kvm_mmu_get_page(vcpu, 0x200, DIRECT_LEAF)).toBe(made);
    expect(made.write_flooding_count).toBe(0);
    expect(vm.events("get_page").map(({ created }) => created)).toEqual([true, false]);
    expect(vm.kvm.active_mmu_pages.head).toBe(made);
    expect(vm.kvm.n_used_mmu_pages).toBe(1);
    expect(vm.flushes).toEqual([]);
    vm.expectConsistent();
  });

  test.each([{ level: 2 }, { access: 5 }, { smm: true }])(
    "is another one for another role: %j",
    (other) => {
      const vm = new TestVm();
      const vcpu = vm.vcpu();
      const made = kvm_mmu_get_page(vcpu, 0x200, DIRECT_LEAF);
      const second = kvm_mmu_get_page(vcpu, 0x200, { ...DIRECT_LEAF, ...other });
      expect(second).not.toBe(made);
      expect(vm.kvm.mmu_page_hash.of(0x200)).toEqual([second, made]);
    },
  );

  test("is never one that was zapped, and below patch 24 never an obsolete one", () => {
    for (const layer of [0, 23, 27]) {
      const vm = new TestVm({ layer });
      const vcpu = vm.vcpu();
      const made = kvm_mmu_get_page(vcpu, 0x200, DIRECT_LEAF);
      vm.kvm.mmu_valid_gen++;
      const found = kvm_mmu_get_page(vcpu, 0x200, DIRECT_LEAF);
      expect(found === made).toBe(layer === 27);
      expect(found.mmu_valid_gen).toBe(layer === 27 ? 0 : 1);
      found.invalid = true;
      expect(kvm_mmu_get_page(vcpu, 0x200, DIRECT_LEAF)).not.toBe(found);
    }
  });
});

test("a new shadow of a level 1 table protects the table where it can be written, with a flush", () => {
  const { vm, tables, vcpu } = guest();
  tables.map(0x10, 0x200);
  const flat = vm.vcpu();
  const address = tables.table(0x10, 1) * 4096;
  vm.write(flat, address + 0xff8, 0n);
  vm.forget();
  kvm_mmu_get_page(vcpu, tables.table(0x10, 1), INDIRECT_LEAF);
  expect(vm.flushes).toEqual(["kvm_mmu_get_page"]);
  expect(vm.entry(flat, address)).toMatchObject({ kind: "leaf", writable: false });
  vm.expectConsistent();
});

describe("a page out of step", () => {
  test("that is asked for is compared with its table, and the vCPU flushes; it stays unsync", () => {
    const { vm, vcpu, table } = guestOutOfStep();
    vm.forget();
    expect(kvm_mmu_get_page(vcpu, table.gfn, INDIRECT_LEAF)).toBe(table);
    expect(vcpu.requests).toEqual(new Set(["TLB_FLUSH"]));
    expect(table.unsync).toBe(true);
    expect(vm.flushes).toEqual(["sync_page"]); // entries lose their accessed bits
  });

  test("with nothing left in it is freed, and a new one made", () => {
    const { vm, tables, vcpu, table } = guestOutOfStep();
    for (const page of [0x10, 0x20]) tables.set(page, 0n);
    vm.forget();
    const made = kvm_mmu_get_page(vcpu, table.gfn, INDIRECT_LEAF);
    expect(made).not.toBe(table);
    expect(table.freed).toBe(true);
    expect(made.unsync).toBe(false);
    expect(vm.flushes).toEqual(["kvm_mmu_commit_zap_page"]);
    expect(vcpu.requests).toEqual(new Set()); // the flush of all reached it, too
    vm.expectConsistent();
  });

  test("below one that is asked for is brought into step before the vCPU enters", () => {
    const { vm, tables, vcpu, table } = guestOutOfStep();
    const [parent] = table.parent_ptes;
    const { gfn, role } = parent!.sp;
    expect(kvm_mmu_get_page(vcpu, gfn, role)).toBe(parent!.sp);
    expect(vcpu.requests).toEqual(new Set(["MMU_SYNC"]));
    tables.set(0x10, 0n);
    expect(vm.read(vcpu, 0x10_000)).toEqual({ outcome: "guest-fault" });
    expect(table.unsync).toBe(false);
    vm.expectConsistent();
  });

  test("is brought into step when its table becomes one of level 2 as well", () => {
    const { vm, vcpu, table } = guestOutOfStep();
    vm.forget();
    const second = kvm_mmu_get_page(vcpu, table.gfn, { ...INDIRECT_LEAF, level: 2 });
    expect(second.role.level).toBe(2);
    expect(table.unsync).toBe(false);
    expect(vm.events("sync_page").map(({ page }) => page.id)).toEqual([table.id]);
    // The table can be written through its own entry no more: all flush before it is compared.
    expect(vm.flushes).toEqual(["kvm_mmu_get_page", "sync_page"]);
    expect(vcpu.requests).toEqual(new Set(["TLB_FLUSH"]));
  });

  test("goes when its table becomes one of level 2 and nothing is left in it", () => {
    const { vm, tables, vcpu, table } = guestOutOfStep();
    for (const page of [0x10, 0x20]) tables.set(page, 0n);
    kvm_mmu_get_page(vcpu, table.gfn, { ...INDIRECT_LEAF, level: 2 });
    expect(table.freed).toBe(true);
    vm.expectConsistent();
  });

  test("counts as in step from the moment it is brought there", () => {
    const { vm, vcpu, table } = guestOutOfStep();
    const list = new PageList();
    expect(__kvm_sync_page(vcpu, table, list)).toBe(true);
    expect(table.unsync).toBe(true);
    expect(kvm_sync_page(vcpu, table, list)).toBe(true);
    expect(table.unsync).toBe(false);
    expect(list.isEmpty).toBe(true);
    expect(vm.events("sync_page").length).toBe(1);
  });

  test("cannot be read by a vCPU that runs without paging: it goes", () => {
    const { vm, table } = guestOutOfStep();
    const list = new PageList();
    expect(__kvm_sync_page(vm.vcpu(), table, list)).toBe(false);
    expect(list.head).toBe(table);
  });
});
