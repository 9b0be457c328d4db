import { describe, expect, test } from "vitest";
import {
  kvm_set_memory_region,
  type RegionError,
  type UserMemoryRegion,
} from "../../../src/reference/kernel/memory-region.ts";
import { runToEnd } from "../../../src/reference/machine/thread.ts";
import { HOST_BASE, HOST_PAGE, TestVm } from "../../support/vm.ts";

const LOG_DIRTY = 1;
const READONLY = 2;
const INVALID = 1 << 16;
const PAGE = 0x1000n;

/** Slot 1 has gfns 0x10 to 0x1f, slot 2 gfns 0x30 to 0x3f. */
function vmWithSlots(machine = {}): TestVm {
  const vm = new TestVm({ machine });
  vm.set({ id: 1, gfn: 0x10, npages: 0x10 });
  vm.set({ id: 2, gfn: 0x30, npages: 0x10 });
  return vm.forget();
}

const generations = (vm: TestVm): bigint[] => vm.kvm.memslots.map((set) => set.generation);

function call(vm: TestVm, given: Partial<UserMemoryRegion>): RegionError | null {
  const region = { flags: 0, guest_phys_addr: 0x100000n, memory_size: PAGE, ...given };
  return runToEnd(kvm_set_memory_region(vm.kvm, { slot: 9, userspace_addr: 0n, ...region }));
}

/** Everything that a rejected or empty call must leave alone. */
const stateOf = ({ kvm }: TestVm): unknown => ({
  sets: kvm.memslots.map(({ generation, slots }) => ({ generation, slots: [...slots] })),
  counters: { ...kvm.counters },
  budget: kvm.n_max_mmu_pages,
  locks: [kvm.slots_lock, kvm.mmu_lock.held],
});

function expectRejected(vm: TestVm, error: RegionError, given: Partial<UserMemoryRegion>): void {
  const before = stateOf(vm);
  expect(call(vm, given)).toBe(error);
  expect(stateOf(vm)).toEqual(before);
  expect(vm.kvm.log).toEqual([]);
}

describe("a region call is invalid", () => {
  test.each([4, 8, INVALID, 1 << 31])("when it has the unknown flag %i", (flag) => {
    expectRejected(vmWithSlots(), "EINVAL", { flags: flag | LOG_DIRTY });
  });

  test.each(["memory_size", "guest_phys_addr", "userspace_addr"] as const)(
    "when %s is not a multiple of the page size",
    (name) => {
      for (const off of [1n, 0x800n, 0xfffn]) {
        expectRejected(vmWithSlots(), "EINVAL", { [name]: 0x200000n + off });
      }
    },
  );

  test("when its slot id is not one of userspace's 509", () => {
    for (const id of [509, 511, 512, 0xffff]) expectRejected(vmWithSlots(), "EINVAL", { slot: id });
    expect(call(vmWithSlots(), { slot: 508 })).toBeNull();
  });

  test.each([1, 2])("when there is no such address space, of %i", (addressSpaces) => {
    const vm = new TestVm({ machine: { addressSpaces } });
    for (const as of [addressSpaces, 0xffff]) {
      expectRejected(vm, "EINVAL", { slot: as * 2 ** 16 + 9 });
    }
    expect(call(vm, { slot: (addressSpaces - 1) * 2 ** 16 + 9 })).toBeNull();
  });

  test("when the guest addresses overflow, also by reaching exactly the end", () => {
    const last = 2n ** 64n - PAGE;
    expectRejected(vmWithSlots(), "EINVAL", { guest_phys_addr: last, memory_size: 2n * PAGE });
    expectRejected(vmWithSlots(), "EINVAL", { guest_phys_addr: last });
    expect(call(vmWithSlots(), { guest_phys_addr: last - PAGE })).toBeNull();
  });

  test("when the userspace memory is not below the end of the address space", () => {
    const end = 0x7fff_ffff_f000n;
    expectRejected(vmWithSlots(), "EINVAL", { userspace_addr: end });
    expectRejected(vmWithSlots(), "EINVAL", { userspace_addr: 2n ** 64n - PAGE });
    expect(call(vmWithSlots(), { userspace_addr: end - PAGE })).toBeNull();
  });

  test("when it has more than 2^31 - 1 pages", () => {
    expectRejected(vmWithSlots(), "EINVAL", { memory_size: 2n ** 31n * PAGE });
    expect(call(vmWithSlots(), { memory_size: (2n ** 31n - 1n) * PAGE })).toBeNull();
  });

  test("when it deletes a slot that is not there", () => {
    expectRejected(vmWithSlots(), "EINVAL", { memory_size: 0n });
    // Slot 1 is there in address space 0 only.
    expectRejected(vmWithSlots(), "EINVAL", { slot: 0x10001, memory_size: 0n });
  });

  const slot1 = {
    slot: 1,
    guest_phys_addr: 0x10n * PAGE,
    memory_size: 0x10n * PAGE,
    userspace_addr: BigInt(HOST_BASE) + 0x10n * PAGE,
  };

  test.each([
    ["size, to less", { memory_size: 0xfn * PAGE }],
    ["size, to more", { memory_size: 0x11n * PAGE }],
    ["userspace address", { userspace_addr: 0n }],
    ["read-only flag", { flags: READONLY }],
    ["size while it moves", { guest_phys_addr: 0x1000n * PAGE, memory_size: PAGE }],
  ])("when it changes a slot's %s in place", (_what, change) => {
    expectRejected(vmWithSlots(), "EINVAL", { ...slot1, ...change });
  });

  test("when it takes a slot's read-only flag away", () => {
    const vm = new TestVm();
    expect(call(vm, { ...slot1, flags: READONLY })).toBeNull();
    expectRejected(vm.forget(), "EINVAL", slot1);
  });
});

describe("a slot may not overlap another one of its address space", () => {
  /** First gfn and pages, beside slot 1 at 0x10-0x1f and slot 2 at 0x30-0x3f. */
  test.each([
    ["ends in it", 0x0c, 5],
    ["begins in it", 0x1f, 2],
    ["lies in it", 0x14, 2],
    ["covers it", 0x0e, 0x14],
    ["has the same place", 0x10, 0x10],
    ["reaches the second one", 0x20, 0x11],
  ])("when it %s", (_how, gfn, npages) => {
    const region = {
      guest_phys_addr: BigInt(gfn) * PAGE,
      memory_size: BigInt(npages) * PAGE,
    };
    expectRejected(vmWithSlots(), "EEXIST", region);
    expect(call(vmWithSlots(), { ...region, slot: 0x10009 })).toBeNull();
  });

  test.each([
    ["just before one", 0x0f, 1],
    ["just after one", 0x20, 1],
    ["in all of the gap between two", 0x20, 0x10],
  ])("but it may lie %s", (_where, gfn, npages) => {
    const vm = vmWithSlots();
    vm.set({ id: 9, gfn, npages });
    const bases = vm.kvm.memslots[0]!.slots.map(({ base_gfn }) => base_gfn);
    expect(bases).toEqual([0x10, 0x30, gfn].sort((a, b) => a - b));
  });

  test("when it moves onto it", () => {
    const vm = vmWithSlots();
    const memory = { memory_size: 0x10n * PAGE, userspace_addr: BigInt(HOST_BASE) + 0x10n * PAGE };
    expectRejected(vm, "EEXIST", { slot: 1, guest_phys_addr: 0x2fn * PAGE, ...memory });
  });

  test("but it may move onto its own old place", () => {
    const vm = vmWithSlots();
    vm.set({ id: 1, gfn: 0x14, npages: 0x10, hva: HOST_BASE + 0x10_000 });
    expect(vm.slot(1)).toMatchObject({ base_gfn: 0x14, npages: 0x10 });
  });
});

describe("what a region call does", () => {
  test("nothing, when it changes nothing", () => {
    const vm = vmWithSlots();
    const before = stateOf(vm);
    vm.set({ id: 1, gfn: 0x10, npages: 0x10 });
    expect(stateOf(vm)).toEqual(before);
    expect(vm.kvm.log).toEqual([]);
  });

  test.each([
    ["creates a slot", { id: 3, gfn: 0x50, npages: 1 }, 1],
    ["changes flags", { id: 1, gfn: 0x10, npages: 0x10, flags: LOG_DIRTY }, 1],
    ["deletes a slot", { id: 1, gfn: 0, npages: 0 }, 2],
    ["moves a slot", { id: 1, gfn: 0x50, npages: 0x10, hva: HOST_BASE + 0x10_000 }, 2],
  ])("installs when it %s: as often as needed, in its address space only", (_what, region, n) => {
    const vm = vmWithSlots();
    const before = generations(vm);
    vm.set(region);
    expect(vm.events("memslots.published").map(({ as }) => as)).toEqual(new Array(n).fill(0));
    expect(generations(vm)).toEqual([before[0]! + 2n * BigInt(n), before[1]]);
  });

  test("a change of flags keeps the slot's place, memory and reverse maps", () => {
    const vm = vmWithSlots();
    const before = vm.slot(1);
    vm.set({ id: 1, gfn: 0x10, npages: 0x10, flags: LOG_DIRTY });
    expect(vm.slot(1)).toEqual({ ...before, flags: LOG_DIRTY, dirty_bitmap: new Set() });
    expect(vm.slot(1).arch).toBe(before.arch);
    expect(before.flags).toBe(0);
  });

  test("a deletion first shows the slot as invalid, and then not at all", () => {
    const vm = vmWithSlots();
    const writer = vm.thread(vm.regionCall({ id: 1, gfn: 0, npages: 0 }));
    writer.until("memslots.published");
    expect(vm.slot(1)).toMatchObject({ base_gfn: 0x10, flags: INVALID });
    writer.until("memslots.arch-updated");
    expect(vm.slot(1)).toMatchObject({ flags: INVALID });
    writer.until("memslots.published");
    expect(vm.slot(1)).toBeNull();
    expect(writer.finish()).toBeNull();
    expect(vm.kvm.memslots[0]!.slots.map(({ id }) => id)).toEqual([2]);
  });

  test("a move shows the slot as invalid at its old place, then at the new one", () => {
    const vm = vmWithSlots();
    const moved = { id: 1, gfn: 0x50, npages: 0x10, hva: HOST_BASE + 0x10_000 };
    const writer = vm.thread(vm.regionCall(moved)).until("memslots.published");
    expect(vm.slot(1)).toMatchObject({ base_gfn: 0x10, flags: INVALID });
    writer.until("memslots.published");
    expect(vm.slot(1)).toMatchObject({ base_gfn: 0x50, flags: 0, userspace_addr: moved.hva });
    writer.finish();
    expect(vm.kvm.memslots[0]!.slots.map(({ id }) => id)).toEqual([2, 1]);
  });

  test("a second call waits until the first one is through", () => {
    const vm = vmWithSlots();
    const first = vm.thread(vm.regionCall({ id: 3, gfn: 0x50, npages: 1 }));
    const second = vm.thread(vm.regionCall({ id: 4, gfn: 0x60, npages: 1 }));
    first.until("memslots.published");
    expect(second.asFarAsPossible()).toBe("slots_lock");
    first.finish();
    expect(second.finish()).toBeNull();
    expect(vm.kvm.slots_lock).toBe(false);
    expect(vm.kvm.memslots[0]!.slots.map(({ id }) => id)).toEqual([1, 2, 3, 4]);
  });
});

describe.each(["npt", "ept", "shadow"] as const)("after the call, with %s,", (paging) => {
  test("a new slot's memory is reached", () => {
    const vm = vmWithSlots({ paging });
    const vcpu = vm.vcpu();
    expect(vm.read(vcpu, 0x50_000).outcome).toBe("mmio");
    vm.set({ id: 3, gfn: 0x50, npages: 1 });
    expect(vm.read(vcpu, 0x50_010)).toMatchObject({ outcome: "mapped", hva: 0x1005_0010 });
    vm.expectConsistent();
  });

  test("a deleted slot's memory is out of reach, the others' is not", () => {
    const vm = vmWithSlots({ paging });
    const vcpu = vm.vcpu();
    vm.read(vcpu, 0x10_000);
    vm.read(vcpu, 0x30_000);
    vm.delete(1);
    expect(vm.read(vcpu, 0x10_000).outcome).toBe("mmio");
    expect(vm.read(vcpu, 0x30_000)).toMatchObject({ hva: 0x1003_0000 });
    vm.expectConsistent();
  });

  test("a moved slot's memory is reached at its new place only", () => {
    const vm = vmWithSlots({ paging });
    const vcpu = vm.vcpu();
    vm.write(vcpu, 0x10_000, 0xabcn);
    vm.set({ id: 1, gfn: 0x50, npages: 0x10, hva: HOST_BASE + 0x10_000 });
    expect(vm.read(vcpu, 0x10_000).outcome).toBe("mmio");
    expect(vm.read(vcpu, 0x50_000)).toMatchObject({ hva: 0x1001_0000, value: 0xabcn });
    vm.expectConsistent();
  });
});

describe("turning dirty logging on", () => {
  const LOGGED = { id: 1, gfn: 0x10, npages: 0x10, flags: LOG_DIRTY };

  test("write-protects what is mapped, and flushes once", () => {
    const vm = vmWithSlots();
    const vcpu = vm.vcpu();
    vm.write(vcpu, 0x10_000);
    vm.write(vcpu, 0x30_000);
    expect(vm.entry(vcpu, 0x10_000)).toMatchObject({ writable: true });
    vm.forget().set(LOGGED);
    expect(vm.entry(vcpu, 0x10_000)).toMatchObject({ kind: "leaf", writable: false });
    expect(vm.entry(vcpu, 0x30_000)).toMatchObject({ kind: "leaf", writable: true });
    expect(vm.flushes).toEqual(["kvm_mmu_slot_remove_write_access"]);
    vm.expectConsistent();
  });

  test("flushes nothing when nothing of the slot can be written", () => {
    const vm = vmWithSlots();
    const vcpu = vm.vcpu();
    vm.read(vcpu, 0x30_000);
    vm.forget().set(LOGGED);
    expect(vm.flushes).toEqual([]);
  });

  test("shows the first write to each page from then on, and reads not at all", () => {
    const vm = vmWithSlots();
    const vcpu = vm.vcpu();
    for (const page of [0x10, 0x11, 0x12]) vm.write(vcpu, page * 0x1000);
    vm.set(LOGGED);
    vm.write(vcpu, 0x11_000);
    vm.read(vcpu, 0x12_000);
    vm.write(vcpu, 0x1f_000); // not mapped before
    expect(vm.slot(1).dirty_bitmap).toEqual(new Set([1, 0xf]));
    vm.expectConsistent();
  });

  test("the write protection is lifted without the lock", () => {
    const vm = vmWithSlots();
    const vcpu = vm.vcpu();
    vm.write(vcpu, 0x10_000);
    vm.set(LOGGED);
    const write = vm.accessTask(vcpu, { kind: "write", address: 0x10_000, value: 5n });
    const thread = vm.thread(write);
    expect(thread.points()).toEqual(["guest.enter", "guest.enter"]);
    expect(thread.finish()).toMatchObject({ outcome: "mapped", hva: 0x1001_0000 });
    expect(vm.entry(vcpu, 0x10_000)).toMatchObject({ writable: true });
    vm.expectConsistent();
  });

  test("a large mapping is not made writable again, but split where it is written", () => {
    const vm = new TestVm({ machine: { paging: "ept", hostPageLevel: 2 } });
    vm.set({ id: 1, gfn: 0x200, npages: 0x400 });
    const vcpu = vm.vcpu();
    vm.write(vcpu, 0x20_0000);
    expect(vm.entry(vcpu, 0x20_0000)).toMatchObject({ level: 2, writable: true });
    vm.forget().set({ id: 1, gfn: 0x200, npages: 0x400, flags: LOG_DIRTY });
    expect(vm.entry(vcpu, 0x20_0000)).toMatchObject({ level: 2, writable: false });
    vm.write(vcpu, 0x20_3000);
    expect(vm.entry(vcpu, 0x20_3000)).toMatchObject({ level: 1, writable: true });
    expect(vm.slot(1).dirty_bitmap).toEqual(new Set([3]));
    expect(vm.flushes).toEqual(["kvm_mmu_slot_remove_write_access", "drop_large_spte"]);
    vm.expectConsistent();
  });

  test("does it for a new slot from the start", () => {
    const vm = vmWithSlots();
    vm.set({ id: 3, gfn: 0x50, npages: 4, flags: LOG_DIRTY });
    const vcpu = vm.vcpu();
    vm.write(vcpu, 0x52_000);
    expect(vm.slot(3).dirty_bitmap).toEqual(new Set([2]));
  });

  test("a slot that moves keeps what was logged; turning it off forgets it", () => {
    const vm = vmWithSlots();
    vm.set(LOGGED);
    vm.write(vm.vcpu(), 0x13_000);
    vm.set({ ...LOGGED, gfn: 0x50, hva: HOST_BASE + 0x10_000 });
    expect(vm.slot(1).dirty_bitmap).toEqual(new Set([3]));
    vm.set({ ...LOGGED, gfn: 0x50, hva: HOST_BASE + 0x10_000, flags: 0 });
    expect(vm.slot(1).dirty_bitmap).toBeNull();
  });
});

describe("turning dirty logging off", () => {
  function loggedAndWritten(hostPageLevel: 1 | 2): { vm: TestVm; off: () => void } {
    const vm = new TestVm({ machine: { hostPageLevel } });
    const slot = { id: 1, gfn: 0x200, npages: 0x400 };
    vm.set({ ...slot, flags: LOG_DIRTY });
    vm.write(vm.vcpu(), 0x20_3000);
    return {
      vm: vm.forget(),
      off: () => {
        vm.set({ ...slot, flags: 0 });
      },
    };
  }

  test("removes small mappings where a large one could be, so that the next fault makes it", () => {
    const { vm, off } = loggedAndWritten(2);
    const [vcpu] = vm.kvm.vcpus;
    expect(vm.entry(vcpu!, 0x20_3000)).toMatchObject({ kind: "leaf", level: 1 });
    off();
    expect(vm.entry(vcpu!, 0x20_3000)).toMatchObject({ kind: "none", level: 1 });
    expect(vm.flushes).toEqual(["slot_handle_level_range"]);
    vm.expectConsistent();

    vm.forget().read(vcpu!, 0x20_3000);
    expect(vm.entry(vcpu!, 0x20_3000)).toMatchObject({
      kind: "leaf",
      level: 2,
      frame: HOST_PAGE + 0x200,
    });
    expect(vm.flushes).toEqual(["mmu_set_spte"]); // the table of small mappings is unlinked
    vm.expectConsistent();
  });

  test("leaves small mappings of small host pages alone", () => {
    const { vm, off } = loggedAndWritten(1);
    off();
    expect(vm.entry(vm.kvm.vcpus[0]!, 0x20_3000)).toMatchObject({ kind: "leaf", level: 1 });
    expect(vm.flushes).toEqual([]);
    vm.expectConsistent();
  });

  test("removes nothing of a slot that did not log", () => {
    const vm = new TestVm({ machine: { hostPageLevel: 2 } });
    vm.set({ id: 1, gfn: 0x201, npages: 0x10 });
    const vcpu = vm.vcpu();
    vm.read(vcpu, 0x20_3000);
    vm.forget().set({ id: 1, gfn: 0x201, npages: 0x10, flags: LOG_DIRTY });
    expect(vm.entry(vcpu, 0x20_3000)).toMatchObject({ kind: "leaf", level: 1 });
  });
});

describe("a read-only slot", () => {
  const vmWithRom = (): TestVm => {
    const vm = new TestVm();
    vm.set({ id: 1, gfn: 0x10, npages: 4, flags: READONLY });
    return vm;
  };

  test("is plain memory to reads", () => {
    const vm = vmWithRom();
    const vcpu = vm.vcpu();
    vm.poke(0x11_008, 0x55n);
    expect(vm.read(vcpu, 0x11_008)).toEqual({ outcome: "mapped", hva: 0x1001_1008, value: 0x55n });
    expect(vm.entry(vcpu, 0x11_008)).toMatchObject({ kind: "leaf", writable: false });
    vm.expectConsistent();
  });

  test("turns a write into an MMIO exit, mapped or not, and is not changed", () => {
    const vm = vmWithRom();
    const vcpu = vm.vcpu();
    const exit = { outcome: "mmio", via: "fault", gpa: 0x11_008 };
    expect(vm.write(vcpu, 0x11_008)).toEqual(exit);
    vm.read(vcpu, 0x11_000);
    expect(vm.write(vcpu, 0x11_008)).toEqual(exit);
    expect(vm.peek(0x11_008)).toBe(0n);
    expect(vm.events("mark_mmio_spte")).toEqual([]);
    vm.expectConsistent();
  });

  test("is not mapped before it is asked for", () => {
    const vm = vmWithRom();
    const vcpu = vm.vcpu();
    vm.read(vcpu, 0x10_000);
    vm.read(vcpu, 0x13_000);
    expect(vm.entry(vcpu, 0x11_000)).toMatchObject({ kind: "none" });
  });

  test("may log dirty pages, which changes nothing about it", () => {
    const vm = vmWithRom();
    const vcpu = vm.vcpu();
    vm.read(vcpu, 0x10_000);
    vm.forget().set({ id: 1, gfn: 0x10, npages: 4, flags: READONLY | LOG_DIRTY });
    expect(vm.write(vcpu, 0x10_000).outcome).toBe("mmio");
    expect(vm.slot(1).dirty_bitmap).toEqual(new Set());
    expect(vm.flushes).toEqual([]);
  });
});
