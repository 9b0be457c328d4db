import { describe, expect, test } from "vitest";
import { hostRelease } from "../../../src/reference/kernel/notifier.ts";
import { runToEnd } from "../../../src/reference/machine/thread.ts";
import { PageList } from "../../../src/reference/machine/page-list.ts";
import type { ErratumId } from "../../../src/reference/patch.ts";
import { TestVm, type VmOptions } from "../../support/vm.ts";

/** Each erratum with its defect in and out. */
const slip = (id: ErratumId, layer: number): [VmOptions, VmOptions] => [
  { layer, slips: [id] },
  { layer },
];
const gap = (id: ErratumId, layer: number): [VmOptions, VmOptions] => [
  { layer },
  { layer, remedies: [id] },
];

const teardown = (vm: TestVm) => vm.kvm.ops.kvm_arch_flush_shadow_all(vm.kvm);

/** A VM whose vCPU has used 30 level 1 tables. */
function vmWithTables(options: VmOptions): TestVm {
  const vm = new TestVm({ ...options, machine: { pageBudget: 200 } });
  vm.set({ id: 1, gfn: 0, npages: 0x10000 });
  const vcpu = vm.vcpu();
  for (let i = 0; i < 30; i++) vm.read(vcpu, i * 0x20_0000);
  return vm.forget();
}

describe("E1", () => {
  test("as measured at layer 6: the entry of gfn 0x200 never matches", () => {
    const checked = slip("E1", 6).map((options) => {
      const vm = new TestVm(options);
      vm.set({ id: 1, gfn: 0x10, npages: 1 });
      vm.kvm.memslots[0]!.generation = 0xfff76n;
      const vcpu = vm.vcpu();
      vm.read(vcpu, 0x20_0000);
      vcpu.cache.gfn = 0;
      vm.read(vcpu, 0x20_0000);
      return vm.events("check_mmio_spte").at(0);
    });
    expect(checked).toMatchObject([
      { raw: 0x7bb8_00f8_0020_0ddfn, kvm_gen: 0xfff76n, spte_gen: 0x776n, valid: false },
      { raw: 0x7ff8_00f8_0020_0ddfn, kvm_gen: 0xfff76n, spte_gen: 0xfff76n, valid: true },
    ]);
  });

  test.each([
    [1023n, true],
    [1024n, false],
    [1025n, false],
  ])("keeps numbers below 1024 from layer 8 on: %s", (generation, survives) => {
    const { kvm } = new TestVm({ layer: 8, slips: ["E1"] });
    const entry = kvm.ops.generation_mmio_spte_mask(kvm, generation);
    expect(kvm.ops.get_mmio_spte_generation(kvm, entry) === generation).toBe(survives);
  });
});

describe("E2", () => {
  test("the lock is given up with a flush owed; the remedy flushes before", () => {
    const before = gap("E2", 11).map((options) => {
      const vm = vmWithTables(options);
      vm.kvm.mmu_lock.contend("cpu", { at: [3] });
      vm.delete(1);
      const names = vm.kvm.log!.map(({ event }) => event);
      return names.slice(0, names.indexOf("lock_break")).includes("remote_flush");
    });
    expect(before).toEqual([false, true]);
  });

  test("the remedy flushes nothing when nothing is owed", () => {
    const vm = new TestVm({ layer: 11, remedies: ["E2"] });
    vm.set({ id: 1, gfn: 0, npages: 8 });
    vm.set({ id: 2, gfn: 0x10, npages: 8 });
    vm.read(vm.vcpu(), 0x10_000);
    vm.kvm.mmu_lock.contend("cpu", { at: [3] });
    vm.kvm.unflushed = false;
    const names = (): string[] => vm.kvm.log!.map(({ event }) => event);
    vm.forget().delete(1);
    expect(names().slice(0, names().indexOf("lock_break"))).not.toContain("remote_flush");
  });
});

describe("E3", () => {
  test("pages that a vCPU makes during a walk are zapped, too; with the remedy they stay", () => {
    const left = gap("E3", 27).map((options) => {
      const vm = vmWithTables(options);
      vm.kvm.mmu_lock.contend("cpu", { at: [1] });
      const walk = vm.thread(teardown(vm)).until("mmu_lock.break");
      vm.read(vm.kvm.vcpus[0]!, 0x1_00_0000 + 0x600_0000);
      const [made] = vm.pages();
      walk.finish();
      return made!.freed;
    });
    expect(left).toEqual([true, false]);
  });
});

describe("E4", () => {
  // 33 pages at teardown, of which the last one is the root in use.
  test.each([23, 24])("at layer %i the walk over all tables asks after the root alone", (layer) => {
    const breaks = slip("E4", layer).map((options) => {
      const vm = vmWithTables(options);
      vm.kvm.mmu_lock.contend("cpu", "always");
      runToEnd(teardown(vm));
      expect(vm.pages()).toMatchObject([{ invalid: true, root_count: 1 }]);
      vm.expectConsistent();
      return vm.events("lock_break").length;
    });
    expect(breaks).toEqual([1, 33]);
  });

  test.each([14, 24])("at layer %i the walk over MMIO tables does not ask", (layer) => {
    const breaks = slip("E4", layer).map((options) => {
      const vm = new TestVm(options);
      vm.set({ id: 1, gfn: 0, npages: 0x10 });
      const vcpu = vm.vcpu();
      for (const address of [0, 0x20_0000, 0x40_0000]) vm.read(vcpu, address);
      vm.kvm.mmu_lock.contend("cpu", "always");
      vm.forget();
      runToEnd(vm.kvm.ops.zapForMmioWrap(vm.kvm));
      expect(vm.events("free").length).toBe(2);
      expect(vm.kvm.counters.walk_restarts).toBe(2);
      return vm.events("lock_break").length;
    });
    expect(breaks).toEqual([0, 2]);
  });

  test("a root that was zapped before is passed over", () => {
    const vm = vmWithTables({ layer: 24, slips: ["E4"] });
    runToEnd(teardown(vm));
    vm.forget();
    runToEnd(teardown(vm));
    expect(vm.events("prepare_zap")).toEqual([]);
  });
});

describe("E5", () => {
  test.each([0, 27])("at layer %i a vCPU in SMM exits over memory that has come since", (layer) => {
    const outcomes = gap("E5", layer).map((options) => {
      const vm = new TestVm(options);
      vm.set({ id: 1, as: 1, gfn: 0x10, npages: 1 });
      const vcpu = vm.vcpu();
      vm.setSmm(vcpu, true);
      vm.write(vcpu, 0x70_0000);
      vm.set({ id: 2, as: 1, gfn: 0x700, npages: 1 });
      return vm.write(vcpu, 0x70_0000).outcome;
    });
    expect(outcomes).toEqual(["mmio", "mapped"]);
  });
});

describe("E6", () => {
  /** What the helper does with a page on the list or none, and what it returns. */
  function helper(options: VmOptions, pages: boolean, remote: boolean): [boolean, string[]] {
    const vm = vmWithTables(options);
    const list = new PageList();
    const [sp] = vm.pages({ level: 1 });
    if (pages) vm.kvm.ops.kvm_mmu_prepare_zap_page(vm.kvm, sp!, list);
    vm.forget();
    const returned = vm.kvm.ops.kvm_mmu_remote_flush_or_zap(vm.kvm, list, remote);
    return [returned, vm.kvm.log!.map(({ event }) => event)];
  }
  const COMMIT = ["commit", "remote_flush", "free"];

  test.each([
    [false, false, [true, ["remote_flush"]], [false, []]],
    [false, true, [true, ["remote_flush"]], [true, ["remote_flush"]]],
    [true, false, [false, []], [true, COMMIT]],
    [true, true, [true, COMMIT], [true, COMMIT]],
  ] as [boolean, boolean, unknown, unknown][])(
    "pages %s, remote flush %s: merged %j, promised %j",
    (pages, remote, merged, promised) => {
      for (const layer of [10, 27]) {
        const [defect, right] = slip("E6", layer);
        expect(helper(defect, pages, remote)).toEqual(merged);
        expect(helper(right, pages, remote)).toEqual(promised);
      }
    },
  );
});

describe("E7", () => {
  const marked = (options: VmOptions): number => {
    const vm = new TestVm(options);
    vm.set({ id: 1, gfn: 0x10, npages: 1 });
    vm.thread(vm.regionCall({ id: 2, gfn: 0x20, npages: 1 })).until("memslots.arch-updated");
    vm.forget();
    expect(vm.write(vm.vcpu(), 0x70_0000)).toMatchObject({ outcome: "mmio" });
    return vm.events("mark_mmio_spte").length;
  };

  test.each([1, 8, 27])(
    "at layer %i MMIO is marked in flux; with the remedy it is not",
    (layer) => {
      expect(gap("E7", layer).map(marked)).toEqual([1, 0]);
    },
  );

  test("with the remedy it is marked again when the update is over, and memory is mapped anyway", () => {
    const vm = new TestVm({ remedies: ["E7"] });
    vm.set({ id: 1, gfn: 0x10, npages: 1 });
    const vcpu = vm.vcpu();
    const writer = vm.thread(vm.regionCall({ id: 2, gfn: 0x20, npages: 1 }));
    writer.until("memslots.synchronized");
    vm.write(vcpu, 0x70_0000);
    expect(vm.read(vcpu, 0x10_000)).toMatchObject({ outcome: "mapped" });
    writer.finish();
    vm.write(vcpu, 0x70_0000);
    expect(vm.entry(vcpu, 0x70_0000)).toMatchObject({ kind: "mmio" });
    vm.expectConsistent();
  });
});

describe("E8", () => {
  const MIB_2 = 512;
  const GIB = 512 * MIB_2;
  const hva = GIB * 4096;

  /** A slot of 2 MiB with an aligned base that was mapped and has moved to an unaligned one. */
  function moved(options: VmOptions): TestVm {
    const vm = new TestVm(options);
    vm.set({ id: 1, gfn: GIB, npages: MIB_2, hva });
    vm.read(vm.vcpu(), GIB * 4096);
    vm.set({ id: 1, gfn: 0x280, npages: MIB_2, hva });
    return vm;
  }
  const setting = (region: { gfn: number; npages: number; flags?: number }) => (vm: TestVm) => {
    vm.set({ id: 1, hva, ...region });
  };
  const taking = (address: number) => (vm: TestVm) => {
    runToEnd(hostRelease(vm.kvm, address));
  };
  const beyond = /^index 1 lies beyond the (rmap|lpage_info) of 2M pages, which has 1/;

  test.each<[string, (vm: TestVm) => void, number]>([
    ["dirty logging", setting({ gfn: 0x280, npages: MIB_2, flags: 1 }), 0],
    ["a page that the host takes back", taking(hva + 511 * 4096), 0],
    ["a removal", setting({ gfn: 0x280, npages: 0 }), 11],
    ["a second move", setting({ gfn: GIB, npages: MIB_2 }), 11],
  ])("%s reads beyond the rmap of a moved slot; the remedy makes it anew", (_what, act, from) => {
    for (const layer of [0, 10, 11, 27]) {
      const [with8, without8] = gap("E8", layer).map(moved) as [TestVm, TestVm];
      const broken = (): void => {
        act(with8);
      };
      if (layer < from) expect(broken).not.toThrow();
      else expect(broken).toThrow(beyond);
      expect(() => {
        act(without8);
      }).not.toThrow();
    }
  });

  test("first and last gfn are mapped by small pages whatever the host has", () => {
    const [broken, mended] = gap("E8", 27).map((options) =>
      moved({ ...options, machine: { hostPageLevel: 2 } }),
    ) as [TestVm, TestVm];
    const [vcpu] = mended.kvm.vcpus;
    for (const gfn of [0x280, 0x280 + MIB_2 - 1]) {
      expect(() => broken.read(broken.kvm.vcpus[0]!, gfn * 4096)).toThrow(/beyond/);
      broken.kvm.mmu_lock.held = false;
      mended.read(vcpu!, gfn * 4096);
      expect(mended.entry(vcpu!, gfn * 4096)).toMatchObject({ kind: "leaf", level: 1 });
    }
  });
});
