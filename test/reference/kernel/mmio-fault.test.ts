import { describe, expect, test } from "vitest";
import { handle_mmio_page_fault } from "../../../src/reference/kernel/mmio-fault.ts";
import { runToEnd } from "../../../src/reference/machine/thread.ts";
import { GuestTables } from "../../support/guest-tables.ts";
import { TestVm } from "../../support/vm.ts";

describe("a fault on a reserved entry", () => {
  test("is answered by the cache alone when that matches", () => {
    const vm = new TestVm();
    vm.set({ gfn: 0x10, npages: 1 });
    const vcpu = vm.vcpu();
    vm.read(vcpu, 0x123_000);
    vm.forget();
    expect(runToEnd(handle_mmio_page_fault(vcpu, 0x123_456))).toBe("cache");
    expect(vm.kvm.log).toEqual([{ event: "cache.hit", vcpu: 0, gfn: 0x123 }]);
  });

  test("is answered by the entry when its generation is the published one; that fills the cache", () => {
    const vm = new TestVm();
    vm.set({ gfn: 0x10, npages: 1 });
    const vcpu = vm.vcpu();
    vm.read(vcpu, 0x123_000);
    vm.read(vcpu, 0x456_000); // takes the cache
    vm.forget();
    expect(runToEnd(handle_mmio_page_fault(vcpu, 0x123_456))).toBe("spte");
    expect(vm.kvm.log!.map(({ event }) => event)).toEqual([
      "check_mmio_spte",
      "handle_mmio_page_fault",
      "cache.fill",
    ]);
    expect(vm.events("handle_mmio_page_fault")).toMatchObject([{ addr: 0, gfn: 0x123 }]);
    expect(vcpu.cache).toMatchObject({ gva: 0, gfn: 0x123 });
  });

  test("names the guest's virtual address where its page tables are shadowed", () => {
    const vm = new TestVm({ machine: { paging: "shadow" } });
    vm.set({ gfn: 0, npages: 0x200 });
    const tables = new GuestTables(vm, 0x100);
    tables.map(0x77, 0x5000);
    tables.map(0x78, 0x5001);
    const vcpu = vm.vcpu(tables.cr3);
    vm.read(vcpu, 0x77_000);
    vm.read(vcpu, 0x78_000);
    vm.forget();
    expect(runToEnd(handle_mmio_page_fault(vcpu, 0x77_123))).toBe("spte");
    expect(vm.events("handle_mmio_page_fault")).toMatchObject([{ addr: 0x77_123, gfn: 0x5000 }]);
    expect(vcpu.cache).toMatchObject({ gva: 0x77_000, gfn: 0x5000 });
  });

  test("takes the ordinary path when the entry is older than the memslots", () => {
    const vm = new TestVm();
    vm.set({ gfn: 0x10, npages: 1 });
    const vcpu = vm.vcpu();
    vm.read(vcpu, 0x123_000);
    vm.set({ id: 1, gfn: 0x20, npages: 1 });
    vm.forget();
    expect(runToEnd(handle_mmio_page_fault(vcpu, 0x123_000))).toBe("invalid");
    expect(vm.events("check_mmio_spte")).toMatchObject([{ valid: false }]);
    expect(vm.events("cache.fill")).toEqual([]);
  });

  test("lets the guest try again when the entry is no MMIO entry any more", () => {
    const vm = new TestVm();
    vm.set({ gfn: 0x10, npages: 2 });
    const vcpu = vm.vcpu();
    vm.read(vcpu, 0x10_000);
    vm.forget();
    for (const address of [0x10_000, 0x11_000, 0x8000_0000]) {
      expect(runToEnd(handle_mmio_page_fault(vcpu, address))).toBe("retry");
    }
    expect(vm.kvm.log).toEqual([]);
  });

  test("lets a vCPU without roots try again", () => {
    const vm = new TestVm();
    expect(runToEnd(handle_mmio_page_fault(vm.vcpu(), 0x10_000))).toBe("retry");
  });
});
