import { describe, expect, test } from "vitest";
import type { MachineParameters } from "../../../src/reference/machine/machine.ts";
import {
  kvm_vcpu_gfn_to_memslot,
  kvm_vcpu_memslots,
  type Vcpu,
} from "../../../src/reference/machine/vcpu.ts";
import { TestVm } from "../../support/vm.ts";

const make = (machine: Partial<MachineParameters>, cr3: number | null, smm: boolean): Vcpu => {
  const vcpu = new TestVm({ machine }).vcpu(cr3);
  vcpu.smm = smm;
  return vcpu;
};

describe("the paging of a vCPU", () => {
  test.each([
    ["ept", 0x1000, false, false, 4],
    ["ept", null, true, false, 4],
    ["npt", 0x1000, false, false, 4],
    ["shadow", null, false, false, 2],
    ["shadow", 0x1000, false, true, 4],
    ["shadow", 0, false, true, 4],
    ["shadow", 0x1000, true, false, 2],
  ] as const)(
    "with %s, CR3 %s and SMM %s is shadowed: %s, with roots of level %i",
    (paging, cr3, smm, shadowed, rootLevel) => {
      const vcpu = make({ paging }, cr3, smm);
      expect(vcpu.pagingShadowed).toBe(shadowed);
      expect(vcpu.direct_map).toBe(!shadowed);
      expect(vcpu.rootLevel).toBe(rootLevel);
    },
  );
});

describe("the slots of a vCPU", () => {
  test.each([
    [2, false, 0],
    [2, true, 1],
    [1, false, 0],
    [1, true, 0],
  ])(
    "of %i address spaces, in SMM: %s, are those of address space %i",
    (addressSpaces, smm, as) => {
      const vcpu = make({ addressSpaces }, null, smm);
      expect(vcpu.addressSpace).toBe(as);
      expect(kvm_vcpu_memslots(vcpu)).toBe(vcpu.kvm.memslots[as]);
    },
  );

  test("are looked up in the set of its own address space", () => {
    const vm = new TestVm();
    vm.set({ id: 1, gfn: 0x10, npages: 1 });
    vm.set({ id: 2, as: 1, gfn: 0x20, npages: 1 });
    const vcpu = vm.vcpu();
    const found = (): (number | undefined)[] =>
      [0x10, 0x20].map((gfn) => kvm_vcpu_gfn_to_memslot(vcpu, gfn)?.id);
    expect(found()).toEqual([1, undefined]);
    vcpu.smm = true;
    expect(found()).toEqual([undefined, 2]);
  });
});

test("a new vCPU has nothing: no roots, no translations, no requests, an empty cache", () => {
  const vcpu = make({}, null, false);
  expect(vcpu.roots).toBeNull();
  expect(vcpu.prev_roots).toEqual([0, 1, 2].map(() => ({ cr3: 0, root: null })));
  expect([...vcpu.tlb.entries()]).toEqual([]);
  expect(vcpu.requests.size).toBe(0);
  expect(vcpu.cache).toEqual({ gva: 0, gfn: 0, access: 0, generation: 0n });
  expect(vcpu.lastRetry).toBeNull();
});
