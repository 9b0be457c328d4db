import { describe, expect, test } from "vitest";
import { runToEnd } from "../../../src/reference/machine/thread.ts";
import { mark_unsync } from "../../../src/reference/kernel/unsync.ts";
import { guestOutOfStep } from "../../support/guest.ts";
import { TestVm } from "../../support/vm.ts";

const WALKERS = [13, 14, 24, 25, 26, 27];

const wrap = (vm: TestVm): void => {
  runToEnd(vm.kvm.ops.zapForMmioWrap(vm.kvm));
};

describe("a wrap of the MMIO generation", () => {
  /** Two tables with MMIO (2 MiB apart), one that once had it, and one that never had. */
  function vmWithMmio(layer: number) {
    const vm = new TestVm({ layer });
    vm.set({ id: 1, gfn: 0, npages: 0x10 });
    const vcpu = vm.vcpu();
    for (const region of [1, 2, 3]) vm.read(vcpu, region * 0x20_0000);
    vm.read(vcpu, 0);
    vm.set({ id: 2, gfn: 0x600, npages: 0x10 });
    vm.read(vcpu, 0x60_0000);
    expect(vm.entry(vcpu, 0x60_0000)).toMatchObject({ kind: "leaf" });
    vm.forget();
    const first = (gfn: number) => vm.page({ gfn, level: 1 });
    return { vm, vcpu, mmio: [first(0x200), first(0x400)], once: first(0x600), never: first(0) };
  }

  test.each(WALKERS)("takes what holds or held MMIO, and nothing else: layer %i", (layer) => {
    const { vm, vcpu, mmio, once, never } = vmWithMmio(layer);
    wrap(vm);
    expect([...mmio, once, never].map(({ freed }) => freed)).toEqual([true, true, true, false]);
    expect(vm.flushes).toEqual(["kvm_mmu_commit_zap_page"]);
    expect(vm.events("reload")).toEqual([]);
    expect(vm.kvm.mmu_valid_gen).toBe(0);
    expect(vm.entry(vcpu, 0)).toMatchObject({ kind: "leaf" });
    expect(vm.events("warn")).toEqual([]);
    vm.expectConsistent();
  });

  test("below patch 13 takes everything", () => {
    const { vm, never } = vmWithMmio(12);
    wrap(vm);
    expect(never.freed).toBe(true);
    expect(vm.events("reload").length).toBe(1);
  });

  test.each([
    [13, 0],
    [14, 3],
    [24, 3],
    [25, 3],
    [27, 3],
  ])("at layer %i, the CPU always wanted, gives it up %i times: once a page", (layer, breaks) => {
    const { vm, mmio, once, never } = vmWithMmio(layer);
    vm.kvm.mmu_lock.contend("cpu", "always");
    wrap(vm);
    expect([...mmio, once, never].map(({ freed }) => freed)).toEqual([true, true, true, false]);
    expect(vm.events("lock_break").length).toBe(breaks);
    vm.expectConsistent();
  });

  test.each([
    [13, 3],
    [24, 3],
    [25, 0],
    [27, 0],
  ])("at layer %i, nobody wanting the CPU, starts the walk again %i times", (layer, restarts) => {
    const { vm } = vmWithMmio(layer);
    wrap(vm);
    expect(vm.kvm.counters.walk_restarts).toBe(restarts);
  });

  test.each([
    [24, 0],
    [25, 0],
    [26, 1],
    [27, 1],
  ])(
    "at layer %i that takes pages along, against all rules, warns %i time(s)",
    (layer, warnings) => {
      const { vm, table } = guestOutOfStep({ layer });
      const flagged = table.parent_ptes[0]!.sp;
      flagged.mmio_cached = true;
      vm.forget();
      wrap(vm);
      expect([flagged.freed, table.freed]).toEqual([true, true]);
      expect(vm.kvm.counters.walk_restarts).toBeGreaterThan(0);
      expect(vm.events("warn").length).toBe(warnings);

      // A second time nobody warns: WARN_ON_ONCE.
      const [vcpu] = vm.kvm.vcpus;
      vm.read(vcpu!, 0x10_000);
      const again = vm.page({ level: 1, direct: false });
      again.unsync = true;
      again.parent_ptes.forEach(mark_unsync);
      again.parent_ptes[0]!.sp.mmio_cached = true;
      wrap(vm);
      expect(again.freed).toBe(true);
      expect(vm.events("warn").length).toBe(warnings);
      vm.expectConsistent();
    },
  );

  // Up to 24 every page that is freed starts the walk again, from 25 on the break alone.
  test.each([
    [13, 4],
    [14, 4],
    [24, 4],
    [26, 2],
    [27, 1],
  ])("at layer %i zaps a root in use, flagged against all rules, %i time(s)", (layer, times) => {
    const { vm } = vmWithMmio(layer);
    const root = vm.page({ level: 4 });
    root.mmio_cached = true;
    vm.kvm.active_mmu_pages.moveToHead(root);
    vm.kvm.mmu_lock.contend("cpu", { at: [2] });
    wrap(vm);
    const prepared = vm.events("prepare_zap").filter(({ page }) => page.id === root.id);
    expect(prepared.length).toBe(times);
    expect(root).toMatchObject({ invalid: true, root_count: 1 });
    expect(vm.events("reload").length).toBe(1);
    vm.expectConsistent();
  });
});
