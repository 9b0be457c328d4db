import { describe, expect, test } from "vitest";
import { vcpu_enter_guest } from "../../../src/reference/kernel/guest.ts";
import { KernelBug } from "../../../src/reference/machine/failures.ts";
import { runToEnd } from "../../../src/reference/machine/thread.ts";
import { guest } from "../../support/guest.ts";
import { TestVm } from "../../support/vm.ts";

const RESERVED = 8;
const USER = 4;

function vmWithPage(machine = {}) {
  const vm = new TestVm({ machine });
  vm.set({ id: 1, gfn: 0x10, npages: 0x10 });
  return { vm, vcpu: vm.vcpu() };
}

describe("an access of the guest", () => {
  test("is a hit once it is mapped, and then needs neither tables nor kernel", () => {
    const { vm, vcpu } = vmWithPage();
    expect(vm.write(vcpu, 0x10_010, 0xabcdn, 4)).toEqual({
      outcome: "mapped",
      hva: 0x1001_0010,
      value: 0xabcdn,
    });
    vm.forget();
    expect(vm.read(vcpu, 0x10_011, 1)).toEqual({
      outcome: "hit",
      hva: 0x1001_0011,
      value: 0xabn,
    });
    expect(vm.kvm.log).toEqual([]);
  });

  test("may use a translation after its entry is gone, until a flush", () => {
    const { vm, vcpu } = vmWithPage();
    vm.read(vcpu, 0x10_000);
    vm.page({ level: 1 }).spt.clear(0x10);
    expect(vm.read(vcpu, 0x10_000)).toMatchObject({ outcome: "hit" });
    vcpu.tlb.flush();
    vm.forget().read(vcpu, 0x10_000);
    expect(vm.events("page_fault").length).toBe(1);
  });

  test("of a page that the host has given away reaches nobody's memory", () => {
    const { vm, vcpu } = vmWithPage();
    vm.read(vcpu, 0x10_000);
    vm.kvm.host.release(0x1_0010);
    expect(vm.read(vcpu, 0x10_000)).toMatchObject({ outcome: "hit", hva: null });
  });

  test("marks its entry as accessed, and dirty if it writes", () => {
    const { vm, vcpu } = vmWithPage();
    vm.read(vcpu, 0x10_000);
    const { spt } = vm.page({ level: 1 });
    const { accessed, dirty } = vm.kvm.masks;
    spt.set(0x10, spt.low(0x10) & ~(accessed | dirty), spt.high(0x10));
    vcpu.tlb.flush();
    vm.read(vcpu, 0x10_000);
    expect(spt.low(0x10) & (accessed | dirty)).toBe(accessed);
    vcpu.tlb.flush();
    vm.write(vcpu, 0x10_000);
    expect(spt.low(0x10) & (accessed | dirty)).toBe(accessed | dirty);
  });

  test("tells the kernel what it was: present, write, user, reserved, fetch", () => {
    const codes = (["npt", "shadow"] as const).map((paging) => {
      const { vm, vcpu } = vmWithPage({ paging });
      vm.set({ id: 2, gfn: 0x30, npages: 1, flags: 2 });
      vm.read(vcpu, 0x30_000); // empty
      vm.write(vcpu, 0x30_000); // present
      vm.access(vcpu, { kind: "fetch", address: 0x10_000 });
      vm.write(vcpu, 0x70_0000);
      vm.write(vcpu, 0x70_0000); // reserved
      return vm.events("page_fault").map(({ error_code }) => error_code);
    });
    expect(codes[0]).toEqual([0, 3, 16, 2, 2 | RESERVED].map((code) => code | USER));
    expect(codes[1]).toEqual([0, 3, 16, 2, 2 | RESERVED]);
  });

  test("of MMIO looks like any other where no address bit is reserved", () => {
    const { vm, vcpu } = vmWithPage({ physicalAddressWidth: 52 });
    for (let i = 0; i < 2; i++) {
      expect(vm.write(vcpu, 0x70_0000)).toMatchObject({ outcome: "mmio", via: "fault" });
    }
    expect(vm.events("page_fault").some(({ error_code }) => error_code & RESERVED)).toBe(false);
  });

  test("that faults a hundred times is given up: the kernel is stuck", () => {
    const { vm, vcpu } = vmWithPage();
    let seq = 0;
    Object.defineProperty(vm.kvm, "mmu_notifier_seq", { get: () => seq++ }); // never the same twice
    expect(() => vm.read(vcpu, 0x10_000)).toThrow(
      new KernelBug("an access of vCPU 0 faulted 100 times and did not end"),
    );
    expect(vm.kvm.counters.faults).toBe(100);
  });

  test("needs a root to walk down from", () => {
    const { vm, vcpu } = vmWithPage();
    vcpu.roots = []; // loaded, but none
    expect(() => vm.read(vcpu, 0x10_000)).toThrow(
      new KernelBug("vCPU 0 is in the guest without a root"),
    );
  });
});

describe("before it enters the guest a vCPU", () => {
  test("does what was asked of it: drop roots, sync, flush", () => {
    const { vm, tables, vcpu } = guest();
    tables.map(0x10, 0x200);
    vm.read(vcpu, 0x10_000);
    const [root] = vcpu.roots!;
    for (const request of ["MMU_RELOAD", "MMU_SYNC", "TLB_FLUSH"] as const) {
      vcpu.requests.add(request);
    }
    expect(runToEnd(vcpu_enter_guest(vcpu))).toBeNull();
    expect(vcpu.requests).toEqual(new Set());
    expect(vcpu.roots).toEqual([root]);
    expect(vcpu.tlb.lookup(0x10)).toBeNull();
  });

  test("that is only to flush keeps its root", () => {
    const { vm, vcpu } = vmWithPage();
    vm.read(vcpu, 0x10_000);
    vcpu.requests.add("TLB_FLUSH");
    const { roots } = vcpu;
    vm.forget();
    runToEnd(vcpu_enter_guest(vcpu));
    expect(vcpu.roots).toBe(roots);
    expect(vm.kvm.log).toEqual([]);
    expect(vcpu.tlb.lookup(0x10)).toBeNull();
  });

  test("does so in a read section: an update of the memslots waits for it", () => {
    const { vm, vcpu } = vmWithPage();
    const access = vm.thread(vm.accessTask(vcpu, { address: 0x10_000 })).until("mmu_lock.acquire");
    const writer = vm.thread(vm.regionCall({ id: 2, gfn: 0x50, npages: 1 }));
    expect(writer.asFarAsPossible()).toBe("srcu");
    access.finish();
    expect(writer.finish()).toBeNull();
  });
});
