import { describe, expect, test } from "vitest";
import {
  direct_page_fault,
  page_fault_handle_page_track,
} from "../../../src/reference/kernel/direct-fault.ts";
import { hostRelease } from "../../../src/reference/kernel/notifier.ts";
import { runToEnd } from "../../../src/reference/machine/thread.ts";
import { GuestTables } from "../../support/guest-tables.ts";
import { HOST_BASE, HOST_PAGE, TestVm } from "../../support/vm.ts";

const PRESENT = 1;
const WRITE = 2;
const RSVD = 8;
const FETCH = 16;

describe("a fault that was resolved meanwhile", () => {
  const loggedVm = (): TestVm => {
    const vm = new TestVm({ machine: { paging: "ept" } });
    vm.set({ id: 1, gfn: 0x10, npages: 0x10, flags: 1 });
    return vm;
  };

  test("needs nothing when the entry may be written by now", () => {
    const vm = loggedVm();
    const vcpu = vm.vcpu();
    vm.write(vcpu, 0x10_000);
    vm.forget();
    const dirty = vm.slot(1).dirty_bitmap;
    dirty!.clear();
    const task = vm.thread(direct_page_fault(vcpu, 0x10, PRESENT | WRITE));
    expect(task.points()).toEqual([]);
    expect(task.finish()).toBe("retry");
    expect(dirty).toEqual(new Set());
    vm.expectConsistent();
  });

  test("takes the ordinary path when the entry is gone", () => {
    const vm = loggedVm();
    const vcpu = vm.vcpu();
    vm.write(vcpu, 0x10_000);
    vm.releaseHost(0x10);
    const task = vm.thread(direct_page_fault(vcpu, 0x10, PRESENT | WRITE));
    expect(task.points()).toEqual(["slot.looked-up", "mmu_lock.acquire"]);
    expect(task.finish()).toBe("retry");
    expect(vm.entry(vcpu, 0x10_000)).toMatchObject({ kind: "leaf", writable: true });
    vm.expectConsistent();
  });
});

describe("the write protection of dirty logging is lifted without the lock", () => {
  /** A page whose entry is write-protected, and a fault on it. */
  const pointsOf = (error_code: number): string[] => {
    const vm = new TestVm();
    vm.set({ id: 1, gfn: 0x10, npages: 0x10 });
    const vcpu = vm.vcpu();
    vm.write(vcpu, 0x10_000);
    vm.set({ id: 1, gfn: 0x10, npages: 0x10, flags: 1 });
    return vm.thread(direct_page_fault(vcpu, 0x10, error_code)).points();
  };

  test("for a write to a present entry", () => {
    expect(pointsOf(PRESENT | WRITE)).toEqual([]);
  });

  test.each([
    ["a read", PRESENT],
    ["a write through an empty entry", WRITE],
    ["a fetch", PRESENT | WRITE | FETCH],
    ["a reserved entry", PRESENT | WRITE | RSVD],
  ])("but not for %s", (_what, error_code) => {
    expect(pointsOf(error_code)).toContain("mmu_lock.acquire");
  });

  test("but not when the host does not let the guest write", () => {
    const vm = new TestVm();
    vm.set({ id: 1, gfn: 0x10, npages: 0x10, flags: 2 });
    const vcpu = vm.vcpu();
    vm.read(vcpu, 0x10_000);
    expect(runToEnd(direct_page_fault(vcpu, 0x10, PRESENT | WRITE))).toBe("emulate");
    expect(vm.entry(vcpu, 0x10_000)).toMatchObject({ writable: false });
  });
});

describe("a fault maps nothing", () => {
  const vmWithPage = (): TestVm => {
    const vm = new TestVm();
    vm.set({ id: 1, gfn: 0x10, npages: 0x10 });
    return vm;
  };

  test("when the host took a page back since the slot was looked up; the next one does", () => {
    const vm = vmWithPage();
    const vcpu = vm.vcpu();
    const access = vm.thread(vm.accessTask(vcpu, { address: 0x10_000 })).until("slot.looked-up");
    vm.releaseHost(0x10);
    access.until("guest.enter");
    expect(vm.entry(vcpu, 0x10_000)).toMatchObject({ kind: "none" });
    expect(access.finish()).toMatchObject({ outcome: "mapped", hva: 0x1001_0000 });
    expect(vm.entry(vcpu, 0x10_000)).toMatchObject({ frame: 2 ** 38 }); // a fresh frame
    vm.expectConsistent();
  });

  test("while the host is taking a page back, whichever, and waits until that is over", () => {
    const vm = vmWithPage();
    const vcpu = vm.vcpu();
    const host = vm.thread(hostRelease(vm.kvm, HOST_BASE + 0x1f_000));
    host.until("mmu_lock.acquire").until("mmu_lock.acquire"); // between start and end
    const access = vm.thread(vm.accessTask(vcpu, { address: 0x10_000 }));
    expect(access.asFarAsPossible()).toBe("mmu_notifier");
    expect(vm.entry(vcpu, 0x10_000)).toMatchObject({ kind: "none" });
    host.finish();
    expect(access.finish()).toMatchObject({ outcome: "mapped" });
    vm.expectConsistent();
  });
});

test("without a root nothing is mapped: the guest enters again first", () => {
  const vm = new TestVm();
  vm.set({ id: 1, gfn: 0x10, npages: 0x10 });
  const vcpu = vm.vcpu();
  expect(runToEnd(direct_page_fault(vcpu, 0x10, PRESENT | WRITE))).toBe("retry");
  expect(vm.pages()).toEqual([]);
});

describe("a guest page table that is shadowed", () => {
  /** A vCPU whose tables (gfns 0x100 to 0x103) are shadowed, and one that runs without paging. */
  function twoVcpus() {
    const vm = new TestVm({ machine: { paging: "shadow" } });
    vm.set({ id: 1, gfn: 0, npages: 0x400 });
    const tables = new GuestTables(vm, 0x100);
    tables.map(0x10, 0x200);
    const paged = vm.vcpu(tables.cr3);
    const flat = vm.vcpu();
    vm.read(paged, 0x10_000);
    return { vm, tables, paged, flat };
  }

  test("is written by emulation from a vCPU without paging, too", () => {
    const { vm, tables, flat } = twoVcpus();
    const directory = tables.table(0x10, 2) * 4096;
    vm.read(flat, directory);
    expect(vm.entry(flat, directory)).toMatchObject({ kind: "leaf", writable: false });
    expect(vm.write(flat, directory + 8, 0n)).toMatchObject({
      outcome: "emulated",
      hva: HOST_BASE + directory + 8,
    });
    vm.expectConsistent();
  });

  test("is tracked for writes through present entries alone", () => {
    const { tables, flat } = twoVcpus();
    const directory = tables.table(0x10, 2);
    const tracked = [PRESENT | WRITE, PRESENT, WRITE, PRESENT | WRITE | RSVD].map((code) =>
      page_fault_handle_page_track(flat, code, directory),
    );
    expect(tracked).toEqual([true, false, false, false]);
    expect(page_fault_handle_page_track(flat, PRESENT | WRITE, 0x200)).toBe(false);
    // A level 1 table is not tracked: it may go unsync.
    const leaf = tables.table(0x10, 1);
    expect(page_fault_handle_page_track(flat, PRESENT | WRITE, leaf)).toBe(false);
  });
});

test("a page is mapped as the host has it", () => {
  const vm = new TestVm();
  vm.set({ id: 1, gfn: 0x10, npages: 0x10 });
  const vcpu = vm.vcpu();
  vm.read(vcpu, 0x15_000);
  expect(vm.entry(vcpu, 0x15_000)).toMatchObject({ frame: HOST_PAGE + 0x15, writable: true });
});
