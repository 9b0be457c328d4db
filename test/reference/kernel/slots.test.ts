import { describe, expect, test } from "vitest";
import {
  __gfn_to_pfn_memslot,
  gfn_to_memslot_dirty_bitmap,
  gfn_to_pfn_memslot_atomic,
  invalidated,
  KVM_PFN_ERR_FAULT,
  KVM_PFN_ERR_RO_FAULT,
  KVM_PFN_NOSLOT,
  kvm_vcpu_mark_page_dirty,
  logsDirtyPages,
  slotForRole,
} from "../../../src/reference/kernel/slots.ts";
import { HOST_PAGE, TestVm } from "../../support/vm.ts";
import { DIRECT_LEAF } from "../../support/shadow-pages.ts";

/** Slot 1 is plain, slot 2 read-only, slot 3 logs dirty pages. */
function vmWithSlots(): TestVm {
  const resident = [{ hva: (HOST_PAGE + 0x10) * 4096, npages: 1 }];
  const vm = new TestVm({ machine: { resident } });
  vm.set({ id: 1, gfn: 0x10, npages: 4 });
  vm.set({ id: 2, gfn: 0x20, npages: 4, flags: 2 });
  vm.set({ id: 3, gfn: 0x30, npages: 4, flags: 1 });
  return vm;
}

test("what a gfn can resolve to instead of a frame is told apart from frames", () => {
  const answers = [KVM_PFN_NOSLOT, KVM_PFN_ERR_RO_FAULT, KVM_PFN_ERR_FAULT];
  expect(new Set(answers).size).toBe(3);
  expect(answers.every((answer) => answer < 0)).toBe(true);
});

describe("a gfn resolves", () => {
  test("to the frame of its host page, which is brought in", () => {
    const vm = vmWithSlots();
    const slot = vm.slot(1);
    expect(vm.kvm.host.isResident(HOST_PAGE + 0x12)).toBe(false);
    expect(__gfn_to_pfn_memslot(vm.kvm, slot, 0x12, true)).toBe(HOST_PAGE + 0x12);
    expect(vm.kvm.host.isResident(HOST_PAGE + 0x12)).toBe(true);
  });

  test("to no slot when there is none or it is being deleted", () => {
    const vm = vmWithSlots();
    expect(__gfn_to_pfn_memslot(vm.kvm, null, 0x12, false)).toBe(KVM_PFN_NOSLOT);
    const doomed = invalidated(vm.slot(1));
    expect(__gfn_to_pfn_memslot(vm.kvm, doomed, 0x12, false)).toBe(KVM_PFN_NOSLOT);
    expect(__gfn_to_pfn_memslot(vm.kvm, invalidated(vm.slot(2)), 0x22, true)).toBe(KVM_PFN_NOSLOT);
  });

  test("to a fault when it is read-only and to be written", () => {
    const vm = vmWithSlots();
    expect(__gfn_to_pfn_memslot(vm.kvm, vm.slot(2), 0x22, true)).toBe(KVM_PFN_ERR_RO_FAULT);
    expect(__gfn_to_pfn_memslot(vm.kvm, vm.slot(2), 0x22, false)).toBe(HOST_PAGE + 0x22);
  });

  test("without waiting for the host only when the host has the page and it may be written", () => {
    const vm = vmWithSlots();
    expect(gfn_to_pfn_memslot_atomic(vm.kvm, vm.slot(1), 0x10)).toBe(HOST_PAGE + 0x10);
    expect(gfn_to_pfn_memslot_atomic(vm.kvm, vm.slot(1), 0x11)).toBe(KVM_PFN_ERR_FAULT);
    expect(vm.kvm.host.isResident(HOST_PAGE + 0x11)).toBe(false);
    expect(gfn_to_pfn_memslot_atomic(vm.kvm, vm.slot(2), 0x20)).toBe(KVM_PFN_ERR_RO_FAULT);
  });
});

describe("the slot of a gfn", () => {
  test("is that of a shadow page's address space", () => {
    const vm = new TestVm();
    vm.set({ id: 1, gfn: 0x10, npages: 1 });
    vm.set({ id: 2, as: 1, gfn: 0x20, npages: 1 });
    const smm = { ...DIRECT_LEAF, smm: true };
    const found = [DIRECT_LEAF, smm].map((role) =>
      [0x10, 0x20].map((gfn) => slotForRole(vm.kvm, role, gfn)?.id ?? null),
    );
    expect(found).toEqual([
      [1, null],
      [null, 2],
    ]);
  });

  test("is that of the only address space where there is one", () => {
    const vm = new TestVm({ machine: { addressSpaces: 1 } });
    vm.set({ id: 1, gfn: 0x10, npages: 1 });
    expect(slotForRole(vm.kvm, { ...DIRECT_LEAF, smm: true }, 0x10)?.id).toBe(1);
  });

  test("counts for speculative mappings when it is visible and, if asked, does not log", () => {
    const vm = vmWithSlots();
    const vcpu = vm.vcpu();
    const found = (no_dirty_log: boolean): (number | null)[] =>
      [0x0f, 0x10, 0x20, 0x30].map(
        (gfn) => gfn_to_memslot_dirty_bitmap(vcpu, gfn, no_dirty_log)?.id ?? null,
      );
    expect(found(false)).toEqual([null, 1, 2, 3]);
    expect(found(true)).toEqual([null, 1, 2, null]);
    const deletion = vm.thread(vm.regionCall({ id: 1, gfn: 0, npages: 0 }));
    deletion.until("memslots.published");
    expect(found(false)).toEqual([null, null, 2, 3]);
  });
});

test("a write is noted by its offset in the slot, where dirty pages are logged", () => {
  const vm = vmWithSlots();
  const vcpu = vm.vcpu();
  for (const gfn of [0x0f, 0x12, 0x33, 0x31, 0x33]) kvm_vcpu_mark_page_dirty(vcpu, gfn);
  expect(vm.slot(3).dirty_bitmap).toEqual(new Set([1, 3]));
  expect([vm.slot(1).dirty_bitmap, vm.slot(2).dirty_bitmap]).toEqual([null, null]);
});

test("flags say whether a slot logs dirty pages", () => {
  expect([0, 1, 2, 3].map(logsDirtyPages)).toEqual([false, true, false, true]);
});

test("a slot on its way out is the same slot with one flag more", () => {
  const slot = vmWithSlots().slot(2);
  expect(invalidated(slot)).toEqual({ ...slot, flags: slot.flags | (1 << 16) });
  expect(invalidated(slot).arch).toBe(slot.arch);
});
