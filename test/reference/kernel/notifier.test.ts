import { describe, expect, test } from "vitest";
import { hostRelease } from "../../../src/reference/kernel/notifier.ts";
import { runToEnd } from "../../../src/reference/machine/thread.ts";
import { ACCESSED, FLAGS, GuestTables } from "../../support/guest-tables.ts";
import { HOST_BASE, HOST_PAGE, TestVm } from "../../support/vm.ts";

const FLUSH = "kvm_mmu_notifier_invalidate_range_start";

describe("when the host takes a page back", () => {
  test("its translations go, are flushed, and the next access gets another frame, empty", () => {
    const vm = new TestVm();
    vm.set({ gfn: 0x10, npages: 0x10 });
    const vcpu = vm.vcpu();
    vm.write(vcpu, 0x12_000, 5n);
    vm.forget().releaseHost(0x12);
    expect(vm.entry(vcpu, 0x12_000)).toMatchObject({ kind: "none" });
    expect(vm.entry(vcpu, 0x11_000)).toMatchObject({ kind: "leaf" });
    expect(vm.flushes).toEqual([FLUSH]);
    expect(vcpu.tlb.lookup(0x12)).toBeNull();
    vm.expectConsistent();
    expect(vm.read(vcpu, 0x12_000)).toEqual({ outcome: "mapped", hva: 0x1001_2000, value: 0n });
    expect(vm.entry(vcpu, 0x12_000)).not.toMatchObject({ frame: HOST_PAGE + 0x12 });
    vm.expectConsistent();
  });

  test("nothing is flushed when nothing mapped it", () => {
    const vm = new TestVm();
    vm.set({ gfn: 0x10, npages: 0x10 });
    const vcpu = vm.vcpu();
    vm.read(vcpu, 0x18_000);
    vm.forget().releaseHost(0x1f);
    runToEnd(hostRelease(vm.kvm, HOST_BASE + 0xf_000)); // just before the slot
    runToEnd(hostRelease(vm.kvm, HOST_BASE + 0x20_000)); // just after it
    expect(vm.flushes).toEqual([]);
    expect(vm.entry(vcpu, 0x18_000)).toMatchObject({ kind: "leaf" });
  });

  test("it goes from every slot that holds it, in every address space", () => {
    const vm = new TestVm();
    vm.set({ id: 1, gfn: 0x10, npages: 0x10, hva: HOST_BASE });
    vm.set({ id: 2, gfn: 0x100, npages: 0x20, hva: HOST_BASE - 0x8000 });
    vm.set({ id: 3, as: 1, gfn: 0x30, npages: 1, hva: HOST_BASE + 0x5000 });
    const [normal, smm] = [vm.vcpu(), vm.vcpu()];
    vm.setSmm(smm, true);
    const places = [
      [normal, 0x15_000],
      [normal, 0x10d_000],
      [smm, 0x30_000],
    ] as const;
    for (const [vcpu, address] of places) {
      expect(vm.read(vcpu, address)).toMatchObject({ hva: HOST_BASE + 0x5000 });
    }
    vm.forget();
    runToEnd(hostRelease(vm.kvm, HOST_BASE + 0x5abc));
    for (const [vcpu, address] of places) {
      expect(vm.entry(vcpu, address)).toMatchObject({ kind: "none" });
    }
    expect(vm.flushes).toEqual([FLUSH]);
    vm.expectConsistent();
  });

  test("a large translation around it goes as a whole", () => {
    const vm = new TestVm({ machine: { hostPageLevel: 3, paging: "ept" } });
    vm.set({ gfn: 0x40000, npages: 0x80000, hva: 0x4000_0000 });
    const vcpu = vm.vcpu();
    vm.read(vcpu, 0x4000_0000);
    expect(vm.entry(vcpu, 0x4000_0000)).toMatchObject({ level: 3 });
    vm.releaseHost(0x40000 + 0x333);
    expect(vm.entry(vcpu, 0x4000_0000)).toMatchObject({ kind: "none", level: 3 });
    vm.read(vcpu, 0x4000_0000);
    expect(vm.entry(vcpu, 0x4000_0000)).toMatchObject({ kind: "leaf", level: 2 });
    vm.read(vcpu, 0x4033_3000);
    expect(vm.entry(vcpu, 0x4033_3000)).toMatchObject({ kind: "leaf", level: 1, frame: 2 ** 38 });
    vm.expectConsistent();
  });

  test("faults must try again from the start of it until after its end", () => {
    const vm = new TestVm();
    vm.set({ gfn: 0x10, npages: 0x10 });
    const { kvm } = vm;
    const before = kvm.mmu_notifier_seq;
    const host = vm.thread(hostRelease(kvm, HOST_BASE + 0x10_000));
    expect(kvm.mmu_notifier_count).toBe(0);
    host.until("mmu_lock.acquire").until("mmu_lock.acquire");
    expect([kvm.mmu_notifier_count, kvm.mmu_notifier_seq]).toEqual([1, before]);
    expect(kvm.host.isResident(HOST_PAGE + 0x10)).toBe(false);
    host.finish();
    expect([kvm.mmu_notifier_count, kvm.mmu_notifier_seq]).toEqual([0, before + 1]);
    expect(kvm.mmu_lock.held).toBe(false);
  });

  test("an update of the memslots waits for the removal of its translations, not for more", () => {
    const vm = new TestVm();
    vm.set({ gfn: 0x10, npages: 0x10 });
    const host = vm.thread(hostRelease(vm.kvm, HOST_BASE + 0x10_000));
    host.until("mmu_lock.acquire");
    const writer = vm.thread(vm.regionCall({ id: 2, gfn: 0x50, npages: 1 }));
    expect(writer.asFarAsPossible()).toBe("srcu");
    host.until("mmu_lock.acquire");
    expect(writer.finish()).toBeNull();
    host.finish();
  });

  test("translations that a guest has yet to flush itself are flushed, though no rmap holds them", () => {
    const vm = new TestVm({ machine: { paging: "shadow" } });
    vm.set({ gfn: 0, npages: 0x400 });
    const tables = new GuestTables(vm, 0x100);
    const [one, other] = [vm.vcpu(tables.cr3), vm.vcpu(tables.cr3)];
    tables.map(0x10, 0x200);
    tables.map(0x11, 0x201, FLAGS | ACCESSED); // is mapped with its neighbour, and stays
    tables.map(0x20, tables.table(0x10, 1)); // the level 1 table itself
    for (const vcpu of [one, other]) vm.read(vcpu, 0x10_000);
    vm.write(one, 0x20_100, 0n); // through its own entry: the table is unsync
    vm.invlpg(one, 0x20_000);
    vm.read(other, 0x10_000);
    tables.set(0x10, 0n);
    vm.loadCr3(one, tables.cr3); // the table comes into step; other vCPUs are left to the guest
    expect(vm.events("sync_page").length).toBe(1);
    expect(other.tlb.lookup(0x10)).not.toBeNull();
    expect(vm.kvm.tlbs_dirty).toBe(true);
    vm.forget().releaseHost(0x200);
    expect(vm.flushes).toEqual([FLUSH]);
    expect(other.tlb.lookup(0x10)).toBeNull();
    expect(vm.kvm.tlbs_dirty).toBe(false);
    vm.expectConsistent();
  });
});
