import { expect, test } from "vitest";
import {
  kvm_flush_remote_tlbs,
  kvm_reload_remote_mmus,
  requestLocalFlush,
} from "../../../src/reference/kernel/flush.ts";
import { TestVm } from "../../support/vm.ts";

function twoVcpus(): TestVm {
  const vm = new TestVm();
  vm.set({ gfn: 0x10, npages: 1 });
  for (const vcpu of [vm.vcpu(), vm.vcpu()]) vm.read(vcpu, 0x10_000);
  return vm.forget();
}

const used = (vm: TestVm): boolean[] => vm.kvm.vcpus.map(({ tlb }) => tlb.lookup(0x10) !== null);

test("a remote flush takes all translations of all vCPUs at once, and settles what is owed", () => {
  const vm = twoVcpus();
  vm.kvm.tlbs_dirty = vm.kvm.unflushed = true;
  const { remote_flushes } = vm.kvm.counters;
  expect(used(vm)).toEqual([true, true]);
  kvm_flush_remote_tlbs(vm.kvm, "invlpg");
  expect(used(vm)).toEqual([false, false]);
  expect(vm.kvm).toMatchObject({ tlbs_dirty: false, unflushed: false });
  expect(vm.kvm.counters.remote_flushes).toBe(remote_flushes + 1);
  expect(vm.flushes).toEqual(["invlpg"]);
});

test("a local flush concerns one vCPU, before it next enters the guest", () => {
  const vm = twoVcpus();
  const [one] = vm.kvm.vcpus;
  requestLocalFlush(one!);
  expect(used(vm)).toEqual([true, true]);
  expect(vm.events("local_flush")).toEqual([{ event: "local_flush", vcpu: 0 }]);
  vm.read(one!, 0x70_0000);
  expect(used(vm)).toEqual([false, true]);
});

test("a reload concerns every vCPU, which drops its root before it next enters the guest", () => {
  const vm = twoVcpus();
  const root = vm.page({ level: 4 });
  expect(root.root_count).toBe(2);
  kvm_reload_remote_mmus(vm.kvm);
  expect(vm.kvm.vcpus.map(({ requests }) => [...requests])).toEqual([
    ["MMU_RELOAD"],
    ["MMU_RELOAD"],
  ]);
  expect(vm.kvm.vcpus.every(({ roots }) => roots !== null)).toBe(true);
  vm.kvm.vcpus.forEach((vcpu) => vm.read(vcpu, 0x10_000));
  expect(vm.events("reload").length).toBe(1);
  expect(root.root_count).toBe(2); // valid as it is, it was found again
  vm.expectConsistent();
});
