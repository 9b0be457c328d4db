import { describe, expect, test } from "vitest";
import {
  composeSet,
  composeThrough,
  type Composition,
  LAST_LAYER,
} from "../../src/reference/compose.ts";
import { CompositionError } from "../../src/reference/composition-error.ts";
import { ModelBug } from "../../src/reference/machine/failures.ts";
import { isAbsent, type OperationName } from "../../src/reference/operations.ts";
import type { ErratumId } from "../../src/reference/patch.ts";
import { HOST_BASE, TestVm } from "../support/vm.ts";

const HANDLER = "kvm_mmu_invalidate_zap_pages_in_memslot";
const HELPERS = [
  "slot_handle_level_range",
  "slot_handle_level",
  "slot_handle_all_level",
  "slot_handle_large_level",
  "slot_handle_leaf",
] as const;

/** Patches 1 to 27 but for some. */
const allBut = (...left: number[]): number[] =>
  Array.from({ length: LAST_LAYER }, (_, i) => i + 1).filter((number) => !left.includes(number));

/** The operations in which two compositions are not the same. */
const differences = (one: Composition, other: Composition): string[] =>
  Object.keys(one.ops).filter(
    (name) => one.ops[name as OperationName] !== other.ops[name as OperationName],
  );

const refusal = (compose: () => unknown): string => {
  try {
    compose();
  } catch (error) {
    expect(error).toBeInstanceOf(CompositionError);
    return (error as Error).message;
  }
  throw new Error("it was not refused");
};

describe("a layer", () => {
  test("is the base with all patches up to its number", () => {
    expect(composeThrough(0).patches).toEqual([]);
    expect(composeThrough(3).patches).toEqual([1, 2, 3]);
    expect(composeThrough(LAST_LAYER).patches).toEqual(allBut());
    expect(differences(composeThrough(11), composeSet(allBut().slice(0, 11)))).toEqual([]);
  });

  test.each([-1, 28, 1.5, NaN])("%s does not exist", (number) => {
    expect(refusal(() => composeThrough(number))).toBe(
      `there is no layer ${number}; layers go from 0 to 27`,
    );
  });

  test("shares with the layer below what its patch leaves alone", () => {
    expect(differences(composeThrough(2), composeThrough(3))).toEqual(["vcpu_cache_mmio_info"]);
    expect(differences(composeThrough(8), composeThrough(9))).toEqual([]);
  });

  test("names the patch that each operation comes from, 0 for the base", () => {
    const { origin } = composeThrough(27, { slips: ["E1"] });
    const from = (...names: OperationName[]): (number | ErratumId | undefined)[] =>
      names.map((name) => origin.get(name));
    expect(from("walkPages", "install_new_memslots", HANDLER)).toEqual([0, 8, 11]);
    expect(from("kvm_mmu_zap_all", "generation_mmio_spte_mask")).toEqual([27, "E1"]);
    expect(from("is_obsolete_sp", "kvm_mmu_zap_mmio_sptes")).toEqual([undefined, undefined]);
  });
});

describe("the order of operations", () => {
  const before = (layer: number, first: OperationName, second: OperationName): boolean => {
    const { order } = composeThrough(layer);
    expect(order).toContain(first);
    expect(order).toContain(second);
    return order.indexOf(first) < order.indexOf(second);
  };

  test.each(HELPERS)("%s is below the memslot handler up to layer 8, above it from 9", (name) => {
    const above = [0, 8, 9, 10, 11, 27].map((layer) => before(layer, name, HANDLER));
    expect(above).toEqual([false, false, true, true, true, true]);
  });

  test("keeps the helpers in the order in which one calls the other", () => {
    for (const layer of [0, 9, 27]) {
      const { order } = composeThrough(layer);
      expect(order.filter((name) => (HELPERS as readonly string[]).includes(name))).toEqual(
        HELPERS,
      );
    }
  });

  test.each([
    [10, "kvm_mmu_remote_flush_or_zap", "kvm_mmu_flush_or_zap"],
    [6, "MMIO_SPTE_GEN_SHIFT", "generation_mmio_spte_mask"],
    [13, "kvm_mmu_zap_mmio_sptes", "zapForMmioWrap"],
    [21, "kvm_mmu_zap_all", "zapForMmioWrap"],
    [25, "__kvm_mmu_prepare_zap_page", "kvm_mmu_prepare_zap_page"],
    [27, "__kvm_mmu_zap_all", "kvm_mmu_zap_all"],
  ] as const)("patch %i puts %s before %s, which calls it", (patch, introduced, caller) => {
    expect(composeThrough(patch - 1).order).not.toContain(introduced);
    expect(before(patch, introduced, caller)).toBe(true);
    expect(composeThrough(patch).origin.get(introduced)).toBe(patch);
  });

  test("has every operation that there is, once, and no other", () => {
    for (let layer = 0; layer <= LAST_LAYER; layer++) {
      const { order, ops, origin } = composeThrough(layer);
      const present = Object.keys(ops).filter((name) => !isAbsent(ops[name as OperationName]));
      expect(new Set(order)).toEqual(new Set(present));
      expect(order.length).toBe(present.length);
      expect([...origin.keys()]).toEqual(order);
    }
  });
});

describe("an operation that is not there", () => {
  test("says so when it is called: not introduced yet", () => {
    const { ops } = composeThrough(9);
    expect(() => ops.kvm_mmu_remote_flush_or_zap({} as never, {} as never, true)).toThrow(
      new ModelBug(
        "kvm_mmu_remote_flush_or_zap was called, but no patch of this composition introduces it",
      ),
    );
  });

  test.each([
    [6, "kvm_current_mmio_generation"],
    [16, "kvm_has_zapped_obsolete_pages"],
    [18, "BATCH_ZAP_PAGES"],
    [24, "is_obsolete_sp"],
    [24, "kvm_zap_obsolete_pages"],
    [24, "kvm_mmu_invalidate_zap_all_pages"],
    [27, "kvm_mmu_zap_mmio_sptes"],
  ] as const)("from patch %i on %s is gone", (patch, name) => {
    expect(isAbsent(composeThrough(patch - 1).ops[name])).toBe(false);
    for (const layer of [patch, LAST_LAYER]) {
      const { ops, order, origin } = composeThrough(layer);
      const operation = ops[name] as unknown as () => void;
      expect(() => {
        operation();
      }).toThrow(new ModelBug(`${name} was called, but patch ${patch} removes it`));
      expect(order).not.toContain(name);
      expect(origin.has(name)).toBe(false);
    }
  });
});

describe("a set of patches", () => {
  test("may be given in any order, and more than once", () => {
    const composition = composeSet([10, 2, 1, 10]);
    expect(composition.patches).toEqual([1, 2, 10]);
    expect(differences(composition, composeSet([1, 2, 10]))).toEqual([]);
  });

  test.each([
    [[1], ["install_new_memslots", "kvm_arch_memslots_updated"]],
    [[2], ["kvm_mmu_invalidate_mmio_sptes"]],
    [[3], ["vcpu_cache_mmio_info"]],
  ])("of %s alone changes %s and nothing else", (set, names) => {
    expect(new Set(differences(composeThrough(0), composeSet(set)))).toEqual(new Set(names));
  });

  test("01 alone calls the hook before the store, and does not see the wrap of address space 0", () => {
    const vm = new TestVm({ composition: composeSet([1]) });
    vm.set({ id: 1, gfn: 0x10, npages: 1 });
    const names = vm.kvm.log!.map(({ event }) => event);
    expect(names.indexOf("memslots.arch-updated")).toBeLessThan(
      names.indexOf("memslots.generation"),
    );
    expect(wrapsOf(composeSet([1]), 0)).toEqual([]);
  });

  test("02 alone sees the wrap of both address spaces, and calls the hook after the store", () => {
    expect(wrapsOf(composeSet([2]), 0)).toEqual([38]);
    expect(wrapsOf(composeSet([2]), 1)).toEqual([37]);
    const vm = new TestVm({ composition: composeSet([2]) });
    vm.set({ id: 1, gfn: 0x10, npages: 1 });
    const names = vm.kvm.log!.map(({ event }) => event);
    expect(names.indexOf("memslots.arch-updated")).toBeGreaterThan(
      names.indexOf("memslots.generation"),
    );
  });

  test("without 02 only address space 1 is seen to wrap: that of the base is at number 0", () => {
    for (const composition of [composeThrough(0), composeSet([1])]) {
      expect([wrapsOf(composition, 0), wrapsOf(composition, 1)]).toEqual([[], [37]]);
    }
  });

  test("03 alone does not cache in flux; the base does", () => {
    const cached = [composeThrough(0), composeSet([3])].map((composition) => {
      const vm = new TestVm({ composition });
      vm.set({ id: 1, gfn: 0x10, npages: 1 });
      const vcpu = vm.vcpu();
      vm.thread(vm.regionCall({ id: 2, gfn: 0x20, npages: 1 })).until("memslots.synchronized");
      vm.read(vcpu, 0x70_0000);
      return vcpu.cache.gfn;
    });
    expect(cached).toEqual([0x700, 0]);
  });

  test("as in v5.3 and later, 01-08 and 10: a removed slot takes everything, by the fast invalidate", () => {
    const composition = composeSet([1, 2, 3, 4, 5, 6, 7, 8, 10]);
    expect(composition.origin.get(HANDLER)).toBe(0);
    expect(composition.origin.get("kvm_mmu_flush_or_zap")).toBe(10);
    const vm = afterDeletion(composition);
    expect(vm.kvm.mmu_valid_gen).toBe(1);
    expect(vm.read(vm.kvm.vcpus[0]!, 0x4000_0000)).toMatchObject({ outcome: "mapped" });
    vm.expectConsistent();
  });

  test("as in 5.2.11, all but 11: a removed slot takes everything, by the walk over all tables", () => {
    const composition = composeSet(allBut(11));
    expect(composition.patches).toEqual(allBut(11));
    expect(composition.origin.get(HANDLER)).toBe(24);
    const vm = afterDeletion(composition);
    expect(vm.kvm.mmu_valid_gen).toBe(0);
    expect(vm.kvm.counters.reloads).toBe(1); // the root that was in use
    expect(vm.read(vm.kvm.vcpus[0]!, 0x4000_0000)).toMatchObject({ outcome: "mapped" });
    vm.expectConsistent();
  });

  test("of all 27 leaves the other slot alone", () => {
    const vm = afterDeletion(composeThrough(27));
    expect(vm.kvm.counters.reloads).toBe(0);
    expect(vm.read(vm.kvm.vcpus[0]!, 0x4000_0000)).toMatchObject({ outcome: "hit" });
  });

  test.each([
    [
      [15, 19, 20, 21, 24],
      "patch 24 needs patch 13, which is left out: without it a generation wrap still calls the fast invalidate",
    ],
    [
      allBut(13),
      "patch 14 needs patch 13, which is left out: the walk that gives up the lock is 13's",
    ],
    [
      allBut(15, 17, 18),
      "patch 24 needs patch 15, which is left out: without it zapping a root in use still asks whether it is obsolete",
    ],
    [
      [11, 10],
      "patch 11 needs patch 9, which is left out: the slot helpers are called, which 09 moves above the caller",
    ],
    [
      [27],
      "patch 27 needs patch 26, which is left out: the walker keeps 26's warning for the MMIO case",
    ],
  ])("is refused when it leaves out what another needs: %j", (set, sentence) => {
    expect(refusal(() => composeSet(set))).toBe(sentence);
  });

  test.each([0, 28, 1.5])("is refused with patch %s, which does not exist", (number) => {
    expect(refusal(() => composeSet([1, number]))).toBe(
      `there is no patch ${number}; patches go from 1 to 27`,
    );
  });
});

describe("slips and remedies", () => {
  test("that are none of their kind are refused", () => {
    const unknown = "E9" as ErratumId;
    expect(refusal(() => composeThrough(27, { slips: ["E1", "E2"] }))).toBe(
      "there is no slip E2; there are E1, E4, E6",
    );
    expect(refusal(() => composeThrough(27, { slips: [unknown] }))).toBe(
      "there is no slip E9; there are E1, E4, E6",
    );
    expect(refusal(() => composeThrough(27, { remedies: ["E6"] }))).toBe(
      "there is no remedy E6; there are E2, E3, E5, E7, E8",
    );
  });

  test("are named when they apply, in order, and change nothing where they do not", () => {
    const both = composeThrough(11, { slips: ["E6", "E4", "E1"], remedies: ["E5", "E2", "E3"] });
    expect(both).toMatchObject({ slips: ["E1", "E6"], remedies: ["E2", "E5"] });
    const none = composeThrough(5, { slips: ["E1", "E4", "E6"], remedies: ["E2", "E3"] });
    expect(none).toMatchObject({ slips: [], remedies: [] });
    expect(differences(none, composeThrough(5))).toEqual([]);
  });
});

describe("an override", () => {
  const apply = () => ({ MMIO_GEN_WIDTH: 32 as const });

  test("stands right after its patch: later patches build on it and may replace it", () => {
    const at5 = composeThrough(8, { overrides: [{ patch: 5, apply }] });
    expect(at5.ops.MMIO_GEN_WIDTH).toBe(32);
    const replaced = composeThrough(8, {
      overrides: [{ patch: 6, apply: () => ({ MMIO_SPTE_GEN_SHIFT: 7n }) }],
    });
    expect(replaced.ops.MMIO_SPTE_GEN_SHIFT).toBe(0n);
  });

  test("is given the patch's own table and the one below", () => {
    const seen: unknown[] = [];
    const spy: typeof apply = (...tables: unknown[]) => {
      seen.push(...tables);
      return apply();
    };
    composeThrough(5, { overrides: [{ patch: 5, apply: spy }] });
    expect(seen).toEqual([composeThrough(5).ops, composeThrough(4).ops]);
  });

  test("of a patch that is left out does nothing, and none outlives its composition", () => {
    const without = composeThrough(4, { overrides: [{ patch: 5, apply }] });
    expect(differences(without, composeThrough(4))).toEqual([]);
    expect(composeThrough(5).ops.MMIO_GEN_WIDTH).toBe(64);
  });

  test("may move an operation", () => {
    const { order } = composeThrough(9, {
      overrides: [
        { patch: 9, apply: () => ({}), place: { slot_handle_leaf: "kvm_zap_obsolete_pages" } },
      ],
    });
    expect(order.indexOf("slot_handle_leaf")).toBe(order.indexOf("kvm_zap_obsolete_pages") - 1);
  });
});

/** Which of the first 40 installs in an address space drop every shadow page. */
function wrapsOf(composition: Composition, as: number): number[] {
  const vm = new TestVm({ composition });
  const found: number[] = [];
  for (let install = 1; install <= 40; install++) {
    vm.set({ id: 1, as, gfn: 0x10, npages: 1, flags: install % 2 });
    if (vm.forgetting("invalidate_zap_all_pages").length > 0) found.push(install);
  }
  return found;
}

/** A VM with a vCPU that has used two slots, far from each other, of which one was deleted. */
function afterDeletion(composition: Composition): TestVm {
  const vm = new TestVm({ composition });
  vm.set({ id: 1, gfn: 0x201, npages: 1, hva: HOST_BASE });
  vm.set({ id: 2, gfn: 0x40000, npages: 1 });
  const vcpu = vm.vcpu();
  vm.read(vcpu, 0x20_1000);
  vm.read(vcpu, 0x4000_0000);
  vm.delete(1);
  return vm;
}
