import { describe, expect, test } from "vitest";
import { composeThrough, LAST_LAYER } from "../../../src/reference/compose.ts";
import { ModelBug } from "../../../src/reference/machine/failures.ts";
import { ARCHITECTURES } from "../../../src/reference/machine/machine.ts";
import { Memslots } from "../../../src/reference/machine/memslots.ts";
import { runToEnd } from "../../../src/reference/machine/thread.ts";
import { TestVm } from "../../support/vm.ts";

const LAYERS = Array.from({ length: LAST_LAYER + 1 }, (_, layer) => layer);
const U64 = 2n ** 64n;

describe("the generations of a new VM", () => {
  test.each([
    [0, [U64 - 150n, U64 - 148n]],
    [6, [U64 - 150n, U64 - 148n]],
    [7, [0n, 2n]],
    [8, [0n, 1n]],
    [27, [0n, 1n]],
  ])("at layer %i are %s", (layer, generations) => {
    const { kvm } = new TestVm({ layer });
    expect(kvm.memslots.map(({ generation }) => generation)).toEqual(generations);
    const single = new TestVm({ layer, machine: { addressSpaces: 1 } });
    expect(single.kvm.memslots.map(({ generation }) => generation)).toEqual([generations[0]]);
  });
});

describe("the numbers of an install", () => {
  test.each([
    [0, 2, [1n, 4n]],
    [0, 1, [1n, 2n]],
    [4, 2, [1n, 4n]],
    [8, 2, [2n ** 63n, 2n]],
    [8, 1, [2n ** 63n, 1n]],
  ])("at layer %i with %i address space(s), from 0, are %s", (layer, addressSpaces, numbers) => {
    const vm = new TestVm({ layer, machine: { addressSpaces } });
    vm.kvm.memslots[0]!.generation = 0n;
    runToEnd(vm.kvm.ops.install_new_memslots(vm.kvm, 0, new Memslots(0n, [])));
    const seen = [...vm.events("memslots.published"), ...vm.events("memslots.generation")];
    expect(seen.map(({ generation }) => generation)).toEqual(numbers);
    expect(vm.events("warn")).toEqual([]);
  });

  test.each(LAYERS)("at layer %i wrap, and one that starts in flux warns", (layer) => {
    const vm = new TestVm({ layer });
    const flag = layer < 8 ? 1n : 2n ** 63n;
    vm.kvm.memslots[0]!.generation = (layer < 8 ? U64 - 4n : 2n ** 63n - 2n) | flag;
    runToEnd(vm.kvm.ops.install_new_memslots(vm.kvm, 0, new Memslots(0n, [])));
    expect(vm.events("warn")).toContainEqual({ event: "warn", where: "install_new_memslots" });
    expect(vm.kvm.memslots[0]!.generation).toBeLessThan(U64);
  });

  test.each([
    [7, 0],
    [8, 1],
    [27, 1],
  ])("at layer %i the MMIO hook warns %i time(s) when it is given the flag", (layer, times) => {
    const vm = new TestVm({ layer });
    const flagged = 2n ** 63n + 2n;
    runToEnd(vm.kvm.ops.kvm_mmu_invalidate_mmio_sptes(vm.kvm, flagged));
    expect(vm.events("warn").length).toBe(times);
  });
});

describe("encoding a generation for an MMIO SPTE", () => {
  test.each([
    [0, 0xfffffn],
    [5, 0xfffffn],
    [6, 0xffffen],
    [7, 0xffffen],
    [8, 0x7ffffn],
    [27, 0x7ffffn],
  ])("warns at layer %i about bits outside %s", (layer, mask) => {
    const { vm, warnings } = encoding(layer);
    expect(vm.kvm.ops.MMIO_GEN_MASK(vm.kvm)).toBe(mask);
    expect(warnings(mask)).toEqual([]);
    expect(warnings(mask + (mask & -mask) * 2n ** 19n)).toEqual(["generation_mmio_spte_mask"]);
    if (layer > 5) expect(warnings(1n << 20n)).toEqual(["generation_mmio_spte_mask"]);
  });

  test("warns with erratum E1, too", () => {
    const { warnings } = encoding(8, ["E1"]);
    expect(warnings(0x7ffffn)).toEqual([]);
    expect(warnings(0x80000n)).toEqual(["generation_mmio_spte_mask"]);
  });

  function encoding(layer: number, slips: readonly "E1"[] = []) {
    const vm = new TestVm({ layer, slips });
    const warnings = (generation: bigint): string[] => {
      vm.kvm.ops.generation_mmio_spte_mask(vm.kvm, generation);
      return vm.forgetting("warn").map(({ where }) => where);
    };
    return { vm, warnings };
  }
});

describe("the hook after an install", () => {
  test.each(ARCHITECTURES)("of %s takes the set before patch 01, the number from it on", (name) => {
    const before = composeThrough(0).ops.kvm_arch_memslots_updated[name];
    const from = composeThrough(1).ops.kvm_arch_memslots_updated[name];
    const vm = new TestVm({ layer: 1 });
    runToEnd(before(vm.kvm, new Memslots(6n, [])));
    runToEnd(from(vm.kvm, 10n));
    expect(vm.events("memslots.arch-updated").map(({ generation }) => generation)).toEqual([
      6n,
      10n,
    ]);
    expect(() => {
      runToEnd(before(vm.kvm, 6n));
    }).toThrow(new ModelBug("kvm_arch_memslots_updated takes the memslot set before patch 01"));
    expect(() => {
      runToEnd(from(vm.kvm, new Memslots(6n, [])));
    }).toThrow(new ModelBug("kvm_arch_memslots_updated takes a generation from patch 01 on"));
  });

  test.each(ARCHITECTURES)("drops shadow pages at a wrap on x86 alone: %s", (architecture) => {
    const vm = new TestVm({ layer: 2, machine: { architecture } });
    for (let install = 1; install <= 38; install++) {
      vm.set({ id: 1, gfn: 0x10, npages: 1, flags: install % 2 });
    }
    expect(vm.kvm.memslots[0]!.generation).toBe(2n);
    expect(vm.kvm.mmu_valid_gen).toBe(architecture === "x86" ? 1 : 0);
  });
});
