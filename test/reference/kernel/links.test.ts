import { describe, expect, test } from "vitest";
import { kvm_flush_remote_tlbs } from "../../../src/reference/kernel/flush.ts";
import {
  childTable,
  drop_parent_pte,
  drop_spte,
  kvm_mmu_page_unlink_children,
  kvm_mmu_unlink_parents,
  link_shadow_page,
  mmu_page_zap_pte,
  rmap_add,
  zapRmap,
} from "../../../src/reference/kernel/links.ts";
import { KernelBug } from "../../../src/reference/machine/failures.ts";
import { pointerTo, type ShadowPage } from "../../../src/reference/machine/shadow-page.ts";
import { guestOutOfStep } from "../../support/guest.ts";
import { TestVm } from "../../support/vm.ts";

/** Gfn 0x10 is mapped, gfn 0x50 is MMIO; the tables from the root down. */
function vmWithPath(): { vm: TestVm; path: Record<1 | 2 | 3 | 4, ShadowPage> } {
  const vm = new TestVm();
  vm.set({ id: 1, gfn: 0x10, npages: 4 });
  const vcpu = vm.vcpu();
  vm.read(vcpu, 0x10_000);
  vm.read(vcpu, 0x50_000);
  const [path1, path2, path3, path4] = [1, 2, 3, 4].map((level) => vm.page({ level }));
  return { vm, path: { 1: path1!, 2: path2!, 3: path3!, 4: path4! } };
}

describe("a leaf entry", () => {
  test("leaves the rmap of its gfn when it is dropped", () => {
    const { vm, path } = vmWithPath();
    const [rmap] = vm.slot(1).arch.rmap;
    expect(rmap!.pointers(0)).toEqual([pointerTo(path[1], 0x10)]);
    drop_spte(vm.kvm, path[1], 0x10);
    expect(rmap!.pointers(0)).toEqual([]);
    expect(path[1].spt.isZero(0x10)).toBe(true);
  });

  test("that is MMIO or empty is in no rmap", () => {
    const { vm, path } = vmWithPath();
    for (const index of [0x50, 0x51]) drop_spte(vm.kvm, path[1], index);
    expect(path[1].spt.isZero(0x50)).toBe(true);
    expect([...vm.slot(1).arch.rmap[0]!.mapped()]).toEqual([0]);
  });

  test("of a gfn that no slot holds cannot be entered into an rmap", () => {
    const { vm, path } = vmWithPath();
    expect(() => rmap_add(vm.kvm, path[1], 0x14, 0x14)).toThrow(
      new KernelBug("no slot holds gfn 0x14, which an SPTE maps"),
    );
  });

  test("is cleared with all others of its rmap entry; a flush is owed if there was any", () => {
    const { vm, path } = vmWithPath();
    const [rmap] = vm.slot(1).arch.rmap;
    expect(zapRmap(vm.kvm, rmap!, 1)).toBe(false);
    expect(vm.kvm.unflushed).toBe(false);
    expect(zapRmap(vm.kvm, rmap!, 0)).toBe(true);
    expect(vm.kvm.unflushed).toBe(true);
    expect(path[1].spt.isZero(0x10)).toBe(true);
  });
});

describe("a link to a table", () => {
  test("is known to both sides, and goes from both", () => {
    const { vm, path } = vmWithPath();
    expect(path[1].parent_ptes).toEqual([{ sp: path[2], index: 0 }]);
    expect(childTable(vm.kvm, path[2], 0)).toBe(path[1]);
    drop_parent_pte(path[1], path[2], 0);
    expect(path[1].parent_ptes).toEqual([]);
    expect(childTable(vm.kvm, path[2], 0)).toBeNull();
    link_shadow_page(vm.kvm, path[2], 0, path[1]);
    vm.expectConsistent();
  });

  test("that a table does not know of breaks down", () => {
    const { path } = vmWithPath();
    expect(() => {
      drop_parent_pte(path[1], path[2], 1);
    }).toThrow(new KernelBug(`shadow page ${path[1].id} does not know its parent ${path[2].id}`));
  });

  test("is not a leaf, not MMIO and not empty", () => {
    const { vm, path } = vmWithPath();
    for (const index of [0x10, 0x50, 0x51]) expect(childTable(vm.kvm, path[1], index)).toBeNull();
    expect(childTable(vm.kvm, path[2], 1)).toBeNull();
    const large = new TestVm({ machine: { hostPageLevel: 2 } });
    large.set({ gfn: 0, npages: 0x200 });
    large.read(large.vcpu(), 0);
    expect(childTable(large.kvm, large.page({ level: 2 }), 0)).toBeNull();
  });

  test("tells the tables above when there is something out of step below", () => {
    const { vm, table } = guestOutOfStep();
    const [parent] = table.parent_ptes;
    kvm_mmu_unlink_parents(table);
    expect(table.parent_ptes).toEqual([]);
    parent!.sp.unsync_child_bitmap!.clear();
    link_shadow_page(vm.kvm, parent!.sp, parent!.index, table);
    expect(parent!.sp.unsync_children).toBe(1);
    vm.expectConsistent();
  });
});

describe("one entry, whatever it is,", () => {
  test("is cleared; was it present, a flush is owed", () => {
    const { vm, path } = vmWithPath();
    const zap = (level: 1 | 2, index: number): boolean => {
      vm.kvm.unflushed = false;
      const present = mmu_page_zap_pte(vm.kvm, path[level], index);
      expect(vm.kvm.unflushed).toBe(present);
      expect(path[level].spt.isZero(index)).toBe(true);
      return present;
    };
    expect([zap(1, 0x10), zap(1, 0x50), zap(1, 0x51), zap(2, 0)]).toEqual([
      true,
      false,
      false,
      true,
    ]);
    expect(path[1].parent_ptes).toEqual([]);
    kvm_flush_remote_tlbs(vm.kvm, "invlpg");
    vm.expectConsistent();
  });

  test("goes with all others of its table", () => {
    const { vm, path } = vmWithPath();
    kvm_mmu_page_unlink_children(vm.kvm, path[1]);
    expect(vm.entry(vm.kvm.vcpus[0]!, 0x10_000)).toEqual({ kind: "none", level: 1 });
    expect(vm.entry(vm.kvm.vcpus[0]!, 0x50_000)).toEqual({ kind: "none", level: 1 });
  });
});
