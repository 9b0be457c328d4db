import { describe, expect, test } from "vitest";
import { LAST_LAYER } from "../../../src/reference/compose.ts";
import { kvm_destroy_vm } from "../../../src/reference/kernel/vm.ts";
import { runToEnd } from "../../../src/reference/machine/thread.ts";
import { guestOutOfStep } from "../../support/guest.ts";
import { TestVm } from "../../support/vm.ts";

test("vCPUs are numbered as they come", () => {
  const vm = new TestVm();
  expect([vm.vcpu(), vm.vcpu(0x5000)]).toMatchObject([
    { id: 0, cr3: null, roots: null },
    { id: 1, cr3: 0x5000, roots: null },
  ]);
  expect(vm.kvm.vcpus.length).toBe(2);
});

describe.each(Array.from({ length: LAST_LAYER + 1 }, (_, layer) => layer))(
  "at the end of a VM, at layer %i,",
  (layer) => {
    const end = (vm: TestVm): void => {
      runToEnd(kvm_destroy_vm(vm.kvm));
      expect([...vm.kvm.allPages]).toEqual([]);
      expect(vm.kvm).toMatchObject({ n_used_mmu_pages: 0, indirect_shadow_pages: 0 });
      expect(vm.kvm.counters.pages_freed).toBe(vm.kvm.counters.pages_allocated);
      vm.expectConsistent();
    };

    test.each(["ept", "shadow"] as const)("every page is freed, roots too: %s", (paging) => {
      const vm = new TestVm({ layer, machine: { paging } });
      vm.set({ gfn: 0, npages: 0x400 });
      const [one, other] = [vm.vcpu(), vm.vcpu()];
      vm.setSmm(other, true);
      for (const vcpu of [one, other]) vm.read(vcpu, 0x10_000);
      end(vm);
    });

    test("every shadow of guest tables is freed, out of step or kept from before", () => {
      const { vm, tables, vcpu } = guestOutOfStep({ layer });
      vm.poke(0x300_000, tables.get(0x10, 4)); // another root above the same tables
      vm.loadCr3(vcpu, 0x300_000);
      vm.read(vcpu, 0x10_000);
      end(vm);
    });
  },
);
