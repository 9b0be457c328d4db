import { describe, expect, test } from "vitest";
import {
  kvm_mmu_page_fault,
  kvm_mmu_unprotect_page,
} from "../../../src/reference/kernel/emulate.ts";
import { runToEnd } from "../../../src/reference/machine/thread.ts";
import { guest, ROOT } from "../../support/guest.ts";
import { DIRTY } from "../../support/guest-tables.ts";
import { TestVm } from "../../support/vm.ts";

const MMIO = 0x70_0000;

function vmWithPage(layer = 27) {
  const vm = new TestVm({ layer });
  vm.set({ id: 1, gfn: 0x10, npages: 1 });
  return { vm, vcpu: vm.vcpu() };
}

describe("an access where no memory is", () => {
  test.each([0, 27])("is MMIO: first by the fault, then by the cache (layer %i)", (layer) => {
    const { vm, vcpu } = vmWithPage(layer);
    const via = [0, 1].map(() => vm.read(vcpu, MMIO + 8));
    expect(via).toEqual([
      { outcome: "mmio", via: "fault", gpa: MMIO + 8 },
      { outcome: "mmio", via: "cache", gpa: MMIO + 8 },
    ]);
    expect(vm.events("cache.hit")).toEqual([{ event: "cache.hit", vcpu: 0, gfn: 0x700 }]);
  });

  test("is MMIO by its entry when the vCPU has accessed other MMIO since", () => {
    const { vm, vcpu } = vmWithPage();
    vm.read(vcpu, MMIO);
    vm.read(vcpu, MMIO + 0x1000);
    vm.forget();
    expect(vm.read(vcpu, MMIO)).toMatchObject({ outcome: "mmio", via: "spte" });
    expect(vm.events("check_mmio_spte")).toMatchObject([{ valid: true }]);
    expect(vm.events("handle_mmio_page_fault")).toMatchObject([{ addr: 0, gfn: 0x700, access: 6 }]);
  });

  test("is looked up afresh after the memslots have changed", () => {
    const { vm, vcpu } = vmWithPage();
    vm.read(vcpu, MMIO);
    vm.set({ id: 2, gfn: 0x20, npages: 1 });
    vm.forget();
    expect(vm.read(vcpu, MMIO)).toMatchObject({ outcome: "mmio", via: "fault" });
    expect(vm.events("check_mmio_spte")).toMatchObject([{ valid: false }]);
    expect(vm.events("mark_mmio_spte").length).toBe(1);
  });

  test("cannot be fetched from", () => {
    const { vm, vcpu } = vmWithPage();
    for (let i = 0; i < 2; i++) {
      const fetched = vm.access(vcpu, { kind: "fetch", address: MMIO });
      expect(fetched).toEqual({ outcome: "fetch-from-mmio" });
    }
  });

  test("of gfn 0, which the cache cannot hold, is tried twice before it is emulated", () => {
    const { vm, vcpu } = vmWithPage();
    vm.read(vcpu, 0x8);
    expect(vm.events("page_fault").length).toBe(2);
    vm.forget();
    expect(vm.write(vcpu, 0x8)).toEqual({ outcome: "mmio", via: "spte", gpa: 8 });
    expect(vm.events("page_fault").length).toBe(1); // a store is not tried again
  });
});

test("a fault on what is MMIO no longer is answered by trying again", () => {
  const { vm, vcpu } = vmWithPage();
  vm.read(vcpu, 0x10_000);
  const access = { kind: "read", address: 0x10_000, size: 8, value: 0n } as const;
  const RESERVED_USER = 12;
  expect(runToEnd(kvm_mmu_page_fault(vcpu, access, RESERVED_USER))).toBeNull();
  expect(vm.events("mark_mmio_spte")).toEqual([]);
});

describe("while the memslots are in flux", () => {
  /** A slot elsewhere is being made: its set is published, its number flagged. */
  function inFlux(layer: number) {
    const made = vmWithPage(layer);
    const { vm } = made;
    const writer = vm.thread(vm.regionCall({ id: 2, gfn: 0x20, npages: 1 }));
    writer.until("memslots.synchronized");
    vm.forget();
    return { ...made, writer };
  }

  test.each([
    [2, 1],
    [3, 2],
    [27, 2],
  ])("at layer %i a load of MMIO faults %i time(s) before it exits", (layer, faults) => {
    const { vm, vcpu } = inFlux(layer);
    expect(vm.read(vcpu, MMIO)).toMatchObject({ outcome: "mmio" });
    expect(vm.events("page_fault").length).toBe(faults);
    expect(vm.events("cache.fill").length).toBe(layer < 3 ? 1 : 0);
  });

  test("a store of MMIO faults once", () => {
    const { vm, vcpu } = inFlux(27);
    expect(vm.write(vcpu, MMIO)).toMatchObject({ outcome: "mmio", via: "fault" });
    expect(vm.events("page_fault").length).toBe(1);
  });

  /** The vCPU looks `MMIO` up; then the set in which it is memory is published. */
  function memoryComes(layer: number, kind: "read" | "write") {
    const { vm, vcpu } = vmWithPage(layer);
    const access = vm.thread(vm.accessTask(vcpu, { address: MMIO, kind, value: 0x55n }));
    access.until("slot.looked-up");
    vm.thread(vm.regionCall({ id: 2, gfn: 0x700, npages: 1 })).until("memslots.published");
    return { vm, access };
  }

  test.each(["read", "write"] as const)(
    "a %s that looked too early is MMIO up to layer 2",
    (kind) => {
      expect(memoryComes(2, kind).access.finish()).toMatchObject({ outcome: "mmio" });
    },
  );

  test("from layer 3 on a load is tried again, and maps the memory", () => {
    expect(memoryComes(3, "read").access.finish()).toMatchObject({
      outcome: "mapped",
      hva: 0x1070_0000,
    });
  });

  test("from layer 3 on a store is emulated, and reaches the memory", () => {
    const { vm, access } = memoryComes(3, "write");
    expect(access.finish()).toEqual({ outcome: "emulated", hva: 0x1070_0000, value: 0x55n });
    expect(vm.peek(MMIO)).toBe(0x55n);
  });

  test("a load that was tried again already is emulated, and reads the memory", () => {
    const { vm, vcpu, writer } = inFlux(27);
    const access = vm.thread(vm.accessTask(vcpu, { address: MMIO }));
    access.until("emulate").until("slot.looked-up");
    writer.finish();
    vm.thread(vm.regionCall({ id: 3, gfn: 0x700, npages: 1 })).until("memslots.published");
    vm.poke(MMIO, 0x1234n);
    expect(access.finish()).toEqual({ outcome: "emulated", hva: 0x1070_0000, value: 0x1234n });
  });
});

describe("a read-only slot", () => {
  test("is read as memory; a write is MMIO and changes nothing", () => {
    const { vm, vcpu } = vmWithPage();
    vm.set({ id: 2, gfn: 0x20, npages: 1, flags: 2 });
    vm.poke(0x20_000, 7n);
    expect(vm.read(vcpu, 0x20_000)).toMatchObject({ outcome: "mapped", value: 7n });
    expect(vm.write(vcpu, 0x20_000, 9n)).toEqual({ outcome: "mmio", via: "fault", gpa: 0x20_000 });
    expect(vm.peek(0x20_000)).toBe(7n);
  });
});

describe("with shadowed page tables", () => {
  test("a store whose mapping the guest takes away meanwhile is the guest's own fault", () => {
    const { vm, tables, vcpu } = guest();
    tables.map(0x10, 0x5000);
    const access = vm.thread(vm.accessTask(vcpu, { kind: "write", address: 0x10_000 }));
    access.until("emulate");
    tables.set(0x10, 0n);
    vcpu.cache.gva = 0; // by an access of another device in between
    expect(access.finish()).toEqual({ outcome: "guest-fault" });
  });

  test("a load whose mapping goes meanwhile is tried again, and faults", () => {
    const { vm, tables, vcpu } = guest();
    tables.map(0x10, 0x5000);
    vm.thread(vm.regionCall({ id: 2, gfn: 0x800, npages: 1 })).until("memslots.synchronized");
    const access = vm.thread(vm.accessTask(vcpu, { address: 0x10_000 })).until("emulate");
    tables.set(0x10, 0n);
    vm.page({ level: 1, direct: false }).spt.clear(0x10);
    expect(access.finish()).toEqual({ outcome: "guest-fault" });
  });

  test("MMIO of virtual page 0, which the cache cannot hold by gva, is found by its gfn", () => {
    const { vm, tables, vcpu } = guest();
    tables.map(0, 0x5000);
    expect(vm.write(vcpu, 0x18)).toEqual({ outcome: "mmio", via: "fault", gpa: 0x500_0018 });
  });

  test("a write goes by the guest's tables where the cache remembers an entry without it", () => {
    const { vm, tables, vcpu } = guest();
    tables.map(0x10, 0x5000);
    vm.read(vcpu, 0x10_000);
    expect(vcpu.cache.access & 2).toBe(0); // the guest's entry was not dirty
    expect(tables.get(0x10) & DIRTY).toBe(0n);
    expect(vm.write(vcpu, 0x10_000)).toMatchObject({ outcome: "mmio", via: "cache" });
    expect(tables.get(0x10) & DIRTY).toBe(DIRTY);
  });
});

describe("a table whose shadow is given up", () => {
  test("is zapped with a flush; its gfn can be written again", () => {
    const { vm, tables, vcpu } = guest();
    tables.map(0x10, 0x200);
    vm.read(vcpu, 0x10_000);
    const directory = vm.page({ gfn: ROOT + 2 });
    vm.forget();
    runToEnd(kvm_mmu_unprotect_page(vm.kvm, ROOT + 2));
    expect(directory.freed).toBe(true);
    expect(vm.flushes).toEqual(["kvm_mmu_commit_zap_page"]);
    expect(vm.kvm.mmu_lock.held).toBe(false);
    vm.expectConsistent();
  });

  test("that is none is left alone", () => {
    const { vm } = guest();
    vm.forget();
    runToEnd(kvm_mmu_unprotect_page(vm.kvm, 0x200));
    expect(vm.kvm.log).toEqual([]);
  });
});
