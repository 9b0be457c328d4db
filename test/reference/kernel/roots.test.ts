import { describe, expect, test } from "vitest";
import { kvm_mmu_load, kvm_mmu_unload } from "../../../src/reference/kernel/roots.ts";
import { runToEnd } from "../../../src/reference/machine/thread.ts";
import { guest, ROOT } from "../../support/guest.ts";
import { TestVm } from "../../support/vm.ts";

const load = (vm: TestVm, vcpu = vm.kvm.vcpus[0]!) => runToEnd(kvm_mmu_load(vcpu));

describe("the roots of a vCPU", () => {
  test.each(["ept", "npt"] as const)("are one of level 4 at gfn 0 with %s", (paging) => {
    const vm = new TestVm({ machine: { paging } });
    vm.set({ gfn: 0x10, npages: 1 });
    const vcpu = vm.vcpu();
    expect(load(vm)).toBeNull();
    expect(vcpu.roots).toMatchObject([
      { gfn: 0, root_count: 1, role: { level: 4, direct: true, smm: false } },
    ]);
  });

  test("are four of level 2, a gigabyte apart, without paging in the shadow MMU", () => {
    const vm = new TestVm({ machine: { paging: "shadow" } });
    vm.set({ gfn: 0x10, npages: 1 });
    const vcpu = vm.vcpu();
    load(vm);
    expect(vcpu.roots?.map(({ gfn, role }) => [gfn, role.level, role.direct])).toEqual([
      [0, 2, true],
      [0x40000, 2, true],
      [0x80000, 2, true],
      [0xc0000, 2, true],
    ]);
  });

  test("is the shadow of the guest's root table when it has its own", () => {
    const { vm, vcpu } = guest();
    load(vm);
    expect(vcpu.roots).toMatchObject([{ gfn: ROOT, role: { level: 4, direct: false } }]);
  });

  test("are shared by vCPUs of one mode, and counted", () => {
    const vm = new TestVm();
    vm.set({ gfn: 0x10, npages: 1 });
    const [one, other] = [vm.vcpu(), vm.vcpu()];
    for (const vcpu of [one, other]) load(vm, vcpu);
    expect(other.roots).toEqual(one.roots);
    expect(one.roots?.[0]?.root_count).toBe(2);
    runToEnd(kvm_mmu_unload(one));
    expect(one.roots).toBeNull();
    expect(other.roots?.[0]?.root_count).toBe(1);
    expect(vm.events("free")).toEqual([]); // not zapped: it can be found again
    vm.expectConsistent();
  });

  test("cannot be loaded where there is no memory: the CPU gives up", () => {
    const { vm } = guest();
    const lost = vm.vcpu(0x999_000);
    expect(load(vm, lost)).toBe("triple-fault");
    expect(vm.read(lost, 0x10_000)).toEqual({ outcome: "triple-fault" });
    expect(lost.roots).toBeNull();
  });

  test("cannot be loaded while no page may be used", () => {
    const vm = new TestVm(); // the budget comes with the first memory
    const vcpu = vm.vcpu();
    expect(load(vm)).toBe("ENOSPC");
    expect(vm.read(vcpu, 0)).toEqual({ outcome: "ENOSPC" });
    expect(vm.kvm.mmu_lock.held).toBe(false);
  });

  test("start with an empty TLB", () => {
    const vm = new TestVm();
    vm.set({ gfn: 0x10, npages: 1 });
    const vcpu = vm.vcpu();
    vcpu.tlb.fill(0x10, 1, 0x777, true);
    load(vm);
    expect(vcpu.tlb.lookup(0x10)).toBeNull();
  });

  test("that were zapped are freed when the last vCPU lets go", () => {
    const vm = new TestVm();
    vm.set({ gfn: 0, npages: 1 });
    const [one, other] = [vm.vcpu(), vm.vcpu()];
    for (const vcpu of [one, other]) load(vm, vcpu);
    const [root] = one.roots!;
    vm.delete(0);
    expect(root).toMatchObject({ invalid: true, root_count: 2 });
    vm.forget();
    runToEnd(kvm_mmu_unload(one));
    expect(root!.freed).toBe(false);
    runToEnd(kvm_mmu_unload(other));
    expect(root!.freed).toBe(true);
    expect(vm.events("commit")).toEqual([{ event: "commit", pages: 1 }]);
    vm.expectConsistent();
  });

  test("none of which is loaded are dropped without the lock", () => {
    const vm = new TestVm();
    expect(vm.thread(kvm_mmu_unload(vm.vcpu())).points()).toEqual([]);
  });
});

describe("when the guest loads another CR3", () => {
  /** Root tables at gfns 0x100, 0x110, ... that all lead to the same tables below. */
  function withRoots(count: number) {
    const made = guest();
    const { vm, tables, vcpu } = made;
    tables.map(0x10, 0x200);
    const cr3s = Array.from({ length: count }, (_, i) => (ROOT + i * 0x10) * 4096);
    for (const cr3 of cr3s.slice(1)) vm.poke(cr3, vm.peek(tables.cr3));
    const use = (i: number) => {
      vm.loadCr3(vcpu, cr3s[i]!);
      return vm.read(vcpu, 0x10_000);
    };
    const kept = (): (number | undefined)[] =>
      vcpu.prev_roots.map(({ root }) => (root === null ? undefined : (root.gfn - ROOT) / 0x10));
    return { ...made, cr3s, use, kept };
  }

  test("the root before is kept and found again: no new page, an empty TLB", () => {
    const { vm, vcpu, use, kept } = withRoots(2);
    use(0);
    const [first] = vcpu.roots!;
    expect(use(1)).toMatchObject({ outcome: "mapped" });
    expect(kept()).toEqual([0, undefined, undefined]);
    expect(first!.root_count).toBe(1);
    first!.write_flooding_count = 2;
    const { pages_allocated } = vm.kvm.counters;
    expect(use(0)).toMatchObject({ outcome: "hit" });
    expect(vcpu.roots).toEqual([first]);
    expect(first!.write_flooding_count).toBe(0);
    expect(kept()).toEqual([1, undefined, undefined]);
    expect(vm.kvm.counters.pages_allocated).toBe(pages_allocated);
    vm.expectConsistent();
  });

  test("three are kept; the one kept longest goes", () => {
    const { vm, use, kept } = withRoots(5);
    for (const i of [0, 1, 2, 3]) use(i);
    expect(kept()).toEqual([2, 1, 0]);
    use(4);
    expect(kept()).toEqual([3, 2, 1]);
    expect(vm.page({ gfn: ROOT, level: 4 }).root_count).toBe(0);
    use(2); // from the middle: those after it keep their places
    expect(kept()).toEqual([4, 3, 1]);
    vm.expectConsistent();
  });

  test("one that was zapped is not taken; it is freed when the vCPU lets go of it", () => {
    const { vm, vcpu, cr3s, use } = withRoots(2);
    use(0);
    const [first] = vcpu.roots!;
    use(1);
    vm.kvm.ops.kvm_mmu_prepare_zap_page(vm.kvm, first!, undefined as never);
    vcpu.requests.clear();
    vm.loadCr3(vcpu, cr3s[0]!);
    vm.read(vcpu, 0x10_000);
    expect(vcpu.roots?.[0]).not.toBe(first);
    runToEnd(kvm_mmu_unload(vcpu));
    expect(first!.freed).toBe(true);
    vm.expectConsistent();
  });

  test("what came out of step meanwhile is synced before the vCPU enters", () => {
    const { vm, vcpu, tables, use } = withRoots(2);
    use(0);
    use(1);
    vm.write(vcpu, 0x10_000);
    const table = vm.page({ level: 1, direct: false });
    tables.map(0x20, table.gfn);
    vm.write(vcpu, 0x20_ff8, 0n);
    expect(table.unsync).toBe(true);
    use(0);
    expect(table.unsync).toBe(false);
    vm.expectConsistent();
  });

  test("the cached MMIO access is forgotten", () => {
    const { vm, vcpu, tables, use } = withRoots(2);
    tables.map(0x30, 0x5000);
    use(0);
    use(1);
    vm.read(vcpu, 0x30_000);
    expect(vcpu.cache.gva).toBe(0x30_000);
    use(0);
    expect(vcpu.cache.gva).toBe(0);
  });

  test("where no memory is, none is kept to come back to by that way", () => {
    const { vm, vcpu, use } = withRoots(1);
    use(0);
    vm.loadCr3(vcpu, 0x999_000);
    expect(vcpu.roots).toBeNull();
    expect(vm.read(vcpu, 0x10_000)).toEqual({ outcome: "triple-fault" });
    // The vCPU has let go of its root, but it was not zapped: the hash still has it.
    expect(use(0)).toMatchObject({ outcome: "hit", hva: 0x1020_0000 });
    vm.expectConsistent();
  });

  test("before it has a root, nothing is kept", () => {
    const { vm, vcpu, cr3s, kept } = withRoots(2);
    vm.loadCr3(vcpu, cr3s[1]!);
    expect(kept()).toEqual([undefined, undefined, undefined]);
    expect(vcpu).toMatchObject({ roots: null, cr3: cr3s[1] });
  });

  test("and then leaves for system management mode before it has a root, the kept ones go", () => {
    const { vm, vcpu, cr3s, use, kept } = withRoots(2);
    use(0);
    vm.loadCr3(vcpu, cr3s[1]!);
    expect([vcpu.roots, kept()]).toEqual([null, [0, undefined, undefined]]);
    vm.setSmm(vcpu, true);
    expect(kept()).toEqual([undefined, undefined, undefined]);
    expect(vm.page({ gfn: ROOT, level: 4 }).root_count).toBe(0);
    vm.expectConsistent();
  });

  test("when it turns paging on, its roots without paging go", () => {
    const { vm, tables } = withRoots(1);
    const flat = vm.vcpu();
    vm.read(flat, 0x10_000);
    vm.loadCr3(flat, tables.cr3);
    expect(vm.read(flat, 0x10_000)).toMatchObject({ hva: 0x1020_0000 });
    vm.expectConsistent();
  });
});

describe("system management mode", () => {
  test("has roots of its own, in address space 1, without paging; the others come back", () => {
    const { vm, tables, vcpu } = guest();
    tables.map(0x10, 0x200);
    vm.set({ id: 1, as: 1, gfn: 0x10, npages: 1, hva: 0x7000_0000 });
    expect(vm.read(vcpu, 0x10_000)).toMatchObject({ hva: 0x1020_0000 });
    vm.setSmm(vcpu, true);
    expect(vcpu.roots).toBeNull();
    expect(vm.read(vcpu, 0x10_000)).toMatchObject({ outcome: "mapped", hva: 0x7000_0000 });
    expect(vcpu.roots?.map(({ role }) => [role.level, role.smm])).toEqual(
      Array.from({ length: 4 }, () => [2, true]),
    );
    vm.setSmm(vcpu, false);
    expect(vm.read(vcpu, 0x10_000)).toMatchObject({ outcome: "hit", hva: 0x1020_0000 });
    vm.expectConsistent();
  });

  test("changes nothing but the mode where there is one address space", () => {
    const vm = new TestVm({ machine: { addressSpaces: 1 } });
    vm.set({ gfn: 0x10, npages: 1 });
    const vcpu = vm.vcpu();
    vm.setSmm(vcpu, true);
    expect(vm.read(vcpu, 0x10_000)).toMatchObject({ outcome: "mapped", hva: 0x1001_0000 });
    vm.expectConsistent();
  });
});
