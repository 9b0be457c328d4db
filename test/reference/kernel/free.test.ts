import { describe, expect, test } from "vitest";
import { kvm_mmu_commit_zap_page } from "../../../src/reference/kernel/free.ts";
import { KernelBug } from "../../../src/reference/machine/failures.ts";
import { PageList } from "../../../src/reference/machine/page-list.ts";
import { TestVm } from "../../support/vm.ts";

function vmWithTables(): TestVm {
  const vm = new TestVm();
  vm.set({ gfn: 0, npages: 0x400 });
  const vcpu = vm.vcpu();
  vm.read(vcpu, 0);
  vm.read(vcpu, 0x20_0000);
  return vm.forget();
}

describe("to free prepared pages", () => {
  test("flushes all TLBs once, and then frees each", () => {
    const vm = vmWithTables();
    const list = new PageList();
    const leaves = vm.pages({ level: 1 });
    for (const sp of leaves) vm.kvm.ops.kvm_mmu_prepare_zap_page(vm.kvm, sp, list);
    vm.forget();
    kvm_mmu_commit_zap_page(vm.kvm, list);
    expect(vm.kvm.log!.map(({ event }) => event)).toEqual([
      ...["commit", "remote_flush"],
      ...["free", "free"],
    ]);
    expect(vm.events("commit")).toEqual([{ event: "commit", pages: 2 }]);
    expect(list.isEmpty).toBe(true);
    expect(leaves.map(({ freed }) => freed)).toEqual([true, true]);
    expect(leaves.flatMap(({ gfn }) => vm.kvm.mmu_page_hash.of(gfn))).not.toContain(leaves[0]);
    for (const sp of leaves) {
      expect(() => vm.kvm.page_header(sp.frame)).toThrow(
        new KernelBug(`shadow page ${sp.id} is used after it was freed`),
      );
    }
    vm.expectConsistent();
  });

  test("does nothing when there are none: no flush either", () => {
    const vm = vmWithTables();
    const before = { ...vm.kvm.counters };
    kvm_mmu_commit_zap_page(vm.kvm, new PageList());
    expect(vm.kvm.log).toEqual([]);
    expect(vm.kvm.counters).toEqual(before);
  });

  test.each([
    ["not prepared", { invalid: false }],
    ["a vCPU's root", { invalid: true, root_count: 1 }],
  ])("breaks down over a page that is %s", (_what, state) => {
    const vm = vmWithTables();
    const [sp] = vm.pages({ level: 1 });
    const list = new PageList();
    list.moveToHead(Object.assign(sp!, state));
    expect(() => {
      kvm_mmu_commit_zap_page(vm.kvm, list);
    }).toThrow(new KernelBug(`shadow page ${sp!.id} is freed while it is in use`));
  });
});
