import { describe, expect, test } from "vitest";
import { rootFor, tableIndex, walkToLeaf } from "../../../src/reference/kernel/walk.ts";
import { TestVm } from "../../support/vm.ts";

test.each([
  [1, [0, 0x1ff, 0, 0]],
  [2, [0, 0, 1, 0]],
  [3, [0, 0, 0, 1]],
])("the entry for a page in a table of level %i", (level, indices) => {
  expect([0, 0x1ff, 0x200, 0x40000].map((page) => tableIndex(page, level))).toEqual(indices);
});

describe("the root for an address", () => {
  test("is the only one, or that of the gigabyte, which comes round after four", () => {
    const [direct, pae] = (["ept", "shadow"] as const).map((paging) => {
      const vm = new TestVm({ machine: { paging } });
      vm.set({ gfn: 0, npages: 1 });
      const vcpu = vm.vcpu();
      vm.read(vcpu, 0);
      return [0, 0x40000, 0xc0000, 0x100000].map((page) => rootFor(vcpu, page)?.gfn);
    });
    expect(direct).toEqual([0, 0, 0, 0]);
    expect(pae).toEqual([0, 0x40000, 0xc0000, 0]);
  });

  test("is none before one is loaded", () => {
    const vcpu = new TestVm().vcpu();
    expect([rootFor(vcpu, 0), walkToLeaf(vcpu, 0)]).toEqual([null, null]);
  });
});

describe("a walk down the tables", () => {
  test("visits each table and ends at the leaf, or at the first empty entry", () => {
    const vm = new TestVm();
    vm.set({ gfn: 0x10, npages: 1 });
    const vcpu = vm.vcpu();
    vm.read(vcpu, 0x10_000);
    const levels = (page: number): number[] => {
      const visited: number[] = [];
      const end = walkToLeaf(vcpu, page, (sp) => visited.push(sp.role.level));
      expect(end?.sp.role.level).toBe(visited.at(-1));
      return visited;
    };
    expect(levels(0x10)).toEqual([4, 3, 2, 1]);
    expect(levels(0x200)).toEqual([4, 3, 2]);
    expect(levels(0x40000)).toEqual([4, 3]);
    expect(walkToLeaf(vcpu, 0x10)).toMatchObject({ index: 0x10 });
  });
});
