import { describe, expect, test } from "vitest";
import { sync_page } from "../../../src/reference/kernel/sync-page.ts";
import { Memslots } from "../../../src/reference/machine/memslots.ts";
import { guest } from "../../support/guest.ts";
import { ACCESSED, DIRTY, FLAGS, gpte, PRESENT, USER } from "../../support/guest-tables.ts";

const SEEN = ACCESSED | DIRTY;

/** Virtual pages 0x10 and 0x11 map gfns 0x200 and 0x201, both written; page 0x18 is MMIO. */
function mapped() {
  const made = guest();
  const { vm, tables, vcpu } = made;
  tables.map(0x10, 0x200);
  tables.map(0x11, 0x201);
  tables.map(0x18, 0x5000);
  for (const address of [0x10_000, 0x11_000, 0x18_000]) vm.write(vcpu, address);
  vm.forget();
  return { ...made, table: vm.page({ level: 1, direct: false }) };
}

describe("a table that is brought into step", () => {
  test("with nothing changed keeps its entries, without a flush", () => {
    const { vm, vcpu, table } = mapped();
    expect(sync_page(vcpu, table)).toBe(3);
    expect(vm.entry(vcpu, 0x18_000)).toMatchObject({ kind: "mmio" });
    expect(vm.entry(vcpu, 0x10_000)).toMatchObject({ kind: "leaf", writable: true });
    expect(vm.flushes).toEqual(["sync_page"]); // speculative entries lose their accessed bit
    vm.expectConsistent();
  });

  test.each([
    ["is gone", 0n],
    ["was not accessed", gpte(0x200)],
    ["leads elsewhere", gpte(0x202, FLAGS | SEEN)],
  ])("loses an entry whose guest entry %s; the flush is left to the guest", (_what, entry) => {
    const { vm, tables, vcpu, table } = mapped();
    tables.set(0x10, entry);
    expect(sync_page(vcpu, table)).toBe(2);
    expect(vm.entry(vcpu, 0x10_000)).toMatchObject({ kind: "none" });
    expect(vm.entry(vcpu, 0x11_000)).toMatchObject({ kind: "leaf" });
    expect(vm.slot(1).arch.rmap[0]!.pointers(0x200)).toEqual([]);
  });

  test("owes the host a flush for what it dropped, until there is one", () => {
    const { vm, tables, vcpu, table } = mapped();
    for (const page of [0x11, 0x18]) tables.set(page, 0n);
    vm.read(vcpu, 0x10_000);
    sync_page(vcpu, table);
    vm.kvm.tlbs_dirty = false;
    vm.forget();
    tables.set(0x10, 0n);
    expect(sync_page(vcpu, table)).toBe(0);
    expect(vm.kvm.tlbs_dirty).toBe(true);
    expect(vm.flushes).toEqual([]);
  });

  test.each([
    ["write", gpte(0x200, PRESENT | USER | SEEN)],
    ["write, until it is dirty again", gpte(0x200, FLAGS | ACCESSED)],
  ])("takes the permission that the guest has taken: %s; with a flush", (_what, entry) => {
    const { vm, tables, vcpu, table } = mapped();
    tables.set(0x10, entry);
    expect(sync_page(vcpu, table)).toBe(3);
    expect(vm.entry(vcpu, 0x10_000)).toMatchObject({ kind: "leaf", writable: false });
    expect(vm.flushes).toEqual(["sync_page"]);
    expect(vcpu.tlb.lookup(0x10)).toBeNull();
    vm.expectConsistent();
  });

  test("marks MMIO anew with what the guest grants now", () => {
    const { vm, tables, vcpu, table } = mapped();
    tables.set(0x18, gpte(0x5000, PRESENT | SEEN));
    expect(sync_page(vcpu, table)).toBe(3);
    expect(vm.events("mark_mmio_spte")).toMatchObject([{ gfn: 0x5000, access: 0 }]);
  });

  test.each([
    ["elsewhere", gpte(0x5001, FLAGS | SEEN)],
    ["to memory", gpte(0x200, FLAGS | SEEN)],
  ])("loses MMIO that leads %s now", (_what, entry) => {
    const { vm, tables, vcpu, table } = mapped();
    tables.set(0x18, entry);
    expect(sync_page(vcpu, table)).toBe(2);
    expect(vm.entry(vcpu, 0x18_000)).toMatchObject({ kind: "none" });
    expect(vm.events("mark_mmio_spte")).toEqual([]);
  });

  test("has nothing that could stay when no slot holds it any more", () => {
    const { vm, vcpu, table } = mapped();
    const { generation } = vm.kvm.memslots[0]!;
    vm.kvm.memslots[0] = new Memslots(generation, []);
    expect(sync_page(vcpu, table)).toBe(0);
  });
});
