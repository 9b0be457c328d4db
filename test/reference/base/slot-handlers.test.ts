import { describe, expect, test } from "vitest";
import type { SlotLevelHandler } from "../../../src/reference/base/slot_handle_level_range.ts";
import { composeThrough } from "../../../src/reference/compose.ts";
import { runToEnd } from "../../../src/reference/machine/thread.ts";
import { TestVm } from "../../support/vm.ts";

/** A slot of 3 MiB that starts in the middle of a 2 MiB region. */
function vmWithSlot(layer: number): TestVm {
  const vm = new TestVm({ layer });
  vm.set({ id: 1, gfn: 0x300, npages: 0x300 });
  return vm.forget();
}

/** Which entries of the three rmaps a helper hands to its handler: first, last, and how many. */
function handled(
  name: "slot_handle_all_level" | "slot_handle_large_level" | "slot_handle_leaf",
  layer: number,
) {
  const vm = vmWithSlot(layer);
  const slot = vm.slot(1);
  const seen: number[][] = [[], [], []];
  const note: SlotLevelHandler = (rmap, index) => {
    seen[slot.arch.rmap.indexOf(rmap)]!.push(index);
    return false;
  };
  expect(runToEnd(composeThrough(layer).ops[name](vm.kvm, slot, note, true))).toBe(false);
  return seen.map((indices) =>
    indices.length === 0 ? null : [indices[0], indices.at(-1), indices.length],
  );
}

const SMALL = [0, 0x2ff, 0x300];
const MIB_2 = [0, 1, 2]; // gfns 0x300-0x3ff and 0x400-0x5ff
const GIB = [0, 0, 1];

describe.each([0, 9, 27])("at layer %i", (layer) => {
  test("the helper for all levels takes every gfn of the slot at every level", () => {
    expect(handled("slot_handle_all_level", layer)).toEqual([SMALL, MIB_2, GIB]);
  });

  test("the helper for large pages leaves 4K pages out", () => {
    expect(handled("slot_handle_large_level", layer)).toEqual([null, MIB_2, GIB]);
  });

  test("the helper for leaf tables takes 4K pages alone", () => {
    expect(handled("slot_handle_leaf", layer)).toEqual([SMALL, null, null]);
  });

  test.each([
    [true, [false, ["slot_handle_level_range"]]],
    [false, [true, []]],
  ] as const)(
    "a flush that is owed is done at the end if asked (%s), else returned",
    (asked, end) => {
      const vm = vmWithSlot(layer);
      const owed: SlotLevelHandler = (_rmap, index) => index === 5;
      const { ops } = vm.kvm;
      const returned = runToEnd(ops.slot_handle_leaf(vm.kvm, vm.slot(1), owed, asked));
      expect([returned, vm.flushes]).toEqual(end);
    },
  );

  test("nothing is owed when no handler says so", () => {
    const vm = vmWithSlot(layer);
    const { ops } = vm.kvm;
    expect(runToEnd(ops.slot_handle_leaf(vm.kvm, vm.slot(1), () => false, true))).toBe(false);
    expect(vm.flushes).toEqual([]);
  });

  test("a flush that is owed comes before the lock is dropped if asked, and once", () => {
    const order = (asked: boolean): string[] => {
      const vm = vmWithSlot(layer);
      vm.kvm.mmu_lock.held = true;
      vm.kvm.mmu_lock.contend("cpu", { at: [11] });
      const owed: SlotLevelHandler = (_rmap, index) => index === 5;
      runToEnd(vm.kvm.ops.slot_handle_leaf(vm.kvm, vm.slot(1), owed, asked));
      return vm.kvm.log!.map(({ event }) => event);
    };
    expect(order(true)).toEqual(["remote_flush", "lock_break"]);
    expect(order(false)).toEqual(["lock_break"]);
  });
});
