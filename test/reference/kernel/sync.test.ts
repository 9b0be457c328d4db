import { describe, expect, test } from "vitest";
import { kvm_mmu_sync_roots } from "../../../src/reference/kernel/sync.ts";
import { Memslots } from "../../../src/reference/machine/memslots.ts";
import { runToEnd } from "../../../src/reference/machine/thread.ts";
import { guest, guestOutOfStep } from "../../support/guest.ts";
import { ACCESSED, DIRTY, FLAGS, gpte } from "../../support/guest-tables.ts";
import { TestVm } from "../../support/vm.ts";

const SEEN = FLAGS | ACCESSED | DIRTY;
const ROOT_PAGE = 0x100_000;

describe("when the guest loads the same CR3 again", () => {
  test("what is out of step comes into step, and the vCPU flushes before it enters", () => {
    const { vm, tables, vcpu, table } = guestOutOfStep();
    tables.set(0x10, gpte(0x201, SEEN)); // as a device might: the guest says so by its flush
    expect(vm.read(vcpu, 0x10_000)).toMatchObject({ outcome: "hit", hva: 0x1020_0000 });
    vm.forget();
    vm.loadCr3(vcpu, tables.cr3);
    expect(vm.events("sync_page").map(({ page }) => page.id)).toEqual([table.id]);
    expect(vm.events("local_flush").length).toBeGreaterThan(0);
    expect(vm.read(vcpu, 0x10_000)).toMatchObject({ outcome: "mapped", hva: 0x1020_1000 });
    expect(table.unsync).toBe(false);
    vm.expectConsistent();
  });

  test("a table with nothing left in it goes", () => {
    const { vm, tables, vcpu, table } = guestOutOfStep();
    for (const page of [0x10, 0x20]) tables.set(page, 0n);
    vm.forget().loadCr3(vcpu, tables.cr3);
    expect(table.freed).toBe(true);
    expect(vm.flushes).toEqual(["mmu_sync_children", "kvm_mmu_commit_zap_page"]);
    vm.expectConsistent();
  });

  test("nothing out of step needs no lock; the MMIO cache goes all the same", () => {
    const { vm, tables, vcpu } = guest();
    tables.map(0x10, 0x5000);
    vm.read(vcpu, 0x10_000);
    expect(vcpu.cache.gva).toBe(0x10_000);
    const points = vm.thread(kvm_mmu_sync_roots(vcpu)).points();
    expect(points).toEqual([]);
    expect(vcpu.cache.gva).toBe(0);
  });

  test("without roots, or with direct paging, there is nothing to sync", () => {
    const { vcpu } = guest();
    vcpu.cache.gva = 0x5000;
    runToEnd(kvm_mmu_sync_roots(vcpu));
    expect(vcpu.cache.gva).toBe(0x5000);
    const vm = new TestVm();
    vm.set({ gfn: 0, npages: 1 });
    const direct = vm.vcpu();
    vm.read(direct, 0);
    direct.cache.gva = 0x5000;
    runToEnd(kvm_mmu_sync_roots(direct));
    expect(direct.cache.gva).toBe(0x5000);
  });

  describe("and much is out of step", () => {
    /** A guest with 30 level 1 tables that it has written through their own entries. */
    function manyOutOfStep() {
      const made = guest();
      const { vm, tables, vcpu } = made;
      for (let i = 0; i < 30; i++) {
        const page = i * 0x200;
        tables.map(page + 1, 0x200);
        tables.map(page + 0x20, tables.table(page + 1, 1));
        vm.write(vcpu, (page + 0x20) * 4096 + 0xff8, 0n);
      }
      expect(vm.pages().filter(({ unsync }) => unsync).length).toBe(30);
      vm.forget();
      return made;
    }

    test("others get the lock between two batches, with nothing owed then", () => {
      const { vm, tables, vcpu } = manyOutOfStep();
      vm.kvm.mmu_lock.contend("cpu", "always");
      vm.loadCr3(vcpu, tables.cr3);
      expect(vm.events("lock_break").length).toBeGreaterThanOrEqual(2);
      expect(vm.pages().some(({ unsync }) => unsync)).toBe(false);
      vm.expectConsistent();
    });

    test("what is freed is freed before others get the lock", () => {
      const { vm, tables, vcpu } = manyOutOfStep();
      for (let i = 0; i < 30; i++) tables.set(i * 0x200 + 0x20, 0n);
      vm.kvm.mmu_lock.contend("cpu", "always");
      vm.loadCr3(vcpu, tables.cr3);
      const names = vm.kvm.log!.map(({ event }) => event);
      const atBreak = names.indexOf("lock_break");
      expect(names.slice(0, atBreak).filter((name) => name === "free").length).toBe(13);
      expect(names.filter((name) => name === "free").length).toBe(30);
      vm.expectConsistent();
    });

    test("nobody else wanting it, the lock is kept", () => {
      const { vm, tables, vcpu } = manyOutOfStep();
      vm.loadCr3(vcpu, tables.cr3);
      expect(vm.events("lock_break")).toEqual([]);
      expect(vm.pages().some(({ unsync }) => unsync)).toBe(false);
    });
  });
});

describe("when the guest invalidates one address", () => {
  test("its entry out of step is dropped, flushed and mapped anew; others stay as they are", () => {
    const { vm, tables, vcpu, table } = guestOutOfStep();
    tables.map(0x11, 0x202);
    vm.read(vcpu, 0x11_000);
    tables.set(0x10, gpte(0x201, SEEN));
    tables.set(0x11, gpte(0x203, SEEN));
    vm.forget().invlpg(vcpu, 0x10_123);
    expect(vm.flushes).toEqual(["invlpg"]);
    expect(vm.entry(vcpu, 0x10_000)).toMatchObject({ kind: "leaf", frame: 0x1_0000 + 0x201 });
    expect(vm.entry(vcpu, 0x11_000)).toMatchObject({ kind: "leaf", frame: 0x1_0000 + 0x202 });
    expect(table.unsync).toBe(true);
    vm.expectConsistent();
  });

  test("an entry that the guest has taken away is not mapped anew; one that was empty needs no flush", () => {
    const { vm, tables, vcpu } = guestOutOfStep();
    tables.set(0x10, 0n);
    vm.forget().invlpg(vcpu, 0x10_000);
    expect(vm.entry(vcpu, 0x10_000)).toMatchObject({ kind: "none" });
    expect(vm.flushes).toEqual(["invlpg"]);
    vm.forget().invlpg(vcpu, 0x10_000);
    expect(vm.flushes).toEqual([]);
    vm.expectConsistent();
  });

  test("a table in step is left alone", () => {
    const { vm, tables, vcpu } = guest();
    tables.map(0x10, 0x200);
    vm.write(vcpu, 0x10_000);
    vm.forget().invlpg(vcpu, 0x10_000);
    expect(vm.entry(vcpu, 0x10_000)).toMatchObject({ kind: "leaf" });
    expect(vm.flushes).toEqual([]);
    expect(vcpu.tlb.lookup(0x10)).toBeNull();
  });

  test("a large page below which nothing can be out of step ends the way down", () => {
    const { vm, tables, vcpu } = guestOutOfStep({ machine: { hostPageLevel: 2 } });
    tables.map(0x400, 0x200, SEEN, 2);
    vm.write(vcpu, 0x400_000);
    expect(vm.entry(vcpu, 0x400_000)).toMatchObject({ kind: "leaf", level: 2 });
    vm.forget().invlpg(vcpu, 0x400_000);
    expect(vm.entry(vcpu, 0x400_000)).toMatchObject({ kind: "leaf", level: 2 });
    expect(vm.flushes).toEqual([]);
    vm.invlpg(vcpu, 0x4000_0000); // an empty entry of the table of level 3
    vm.expectConsistent();
  });

  test("what is out of step below another table of the same root is not on the way", () => {
    const { vm, tables, vcpu } = guestOutOfStep();
    tables.map(0x4_0000, 0x200);
    vm.write(vcpu, 0x4000_0000);
    vm.forget().invlpg(vcpu, 0x4000_0000);
    expect(vm.entry(vcpu, 0x4000_0000)).toMatchObject({ kind: "leaf" });
    expect(vm.flushes).toEqual([]);
  });

  test("a table that no slot holds any more is not read", () => {
    const { vm, vcpu } = guestOutOfStep();
    const { generation } = vm.kvm.memslots[0]!;
    vm.kvm.memslots[0] = new Memslots(generation, []);
    vm.forget().invlpg(vcpu, 0x11_000);
    expect(vm.entry(vcpu, 0x11_000)).toMatchObject({ kind: "none" });
    expect(vm.kvm.log).toEqual([]);
  });

  test("roots that the vCPU keeps from before are looked through, too", () => {
    const { vm, tables, vcpu } = guestOutOfStep();
    vm.poke(ROOT_PAGE + 0x50_000, 0n);
    vm.loadCr3(vcpu, ROOT_PAGE + 0x50_000);
    vm.read(vcpu, 0);
    tables.set(0x10, 0n);
    vm.forget().invlpg(vcpu, 0x10_000);
    expect(vm.flushes).toEqual(["invlpg"]);
    vm.loadCr3(vcpu, tables.cr3);
    expect(vm.read(vcpu, 0x10_000)).toEqual({ outcome: "guest-fault" });
    vm.expectConsistent();
  });

  test("the cached MMIO access to its page is forgotten", () => {
    const { vm, tables, vcpu } = guest();
    tables.map(0x10, 0x5000);
    vm.read(vcpu, 0x10_000);
    vm.invlpg(vcpu, 0x11_000);
    expect(vcpu.cache.gva).toBe(0x10_000);
    vm.invlpg(vcpu, 0x10_fff);
    expect(vcpu.cache.gva).toBe(0);
  });

  test("without a root there is nothing but the TLB", () => {
    const { vm, vcpu } = guest();
    vm.forget().invlpg(vcpu, 0x10_000);
    expect(vm.kvm.log).toEqual([]);
  });

  test("with direct paging the CPU does it alone", () => {
    const vm = new TestVm();
    vm.set({ gfn: 0x10, npages: 2 });
    const vcpu = vm.vcpu();
    for (const address of [0x10_000, 0x11_000]) vm.read(vcpu, address);
    vm.forget().invlpg(vcpu, 0x10_000);
    expect([0x10, 0x11].map((page) => vcpu.tlb.lookup(page) !== null)).toEqual([false, true]);
    expect(vm.kvm.log).toEqual([]);
  });
});
