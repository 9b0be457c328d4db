import { describe, expect, test } from "vitest";
import {
  callHook,
  publishAndSynchronize,
  storeGeneration,
} from "../../../src/reference/kernel/publish.ts";
import { Memslots } from "../../../src/reference/machine/memslots.ts";
import { TestVm } from "../../support/vm.ts";

describe("publishing a set", () => {
  test("shows it to readers, then waits for those who saw an older one", () => {
    const vm = new TestVm();
    const { srcu } = vm.kvm;
    const old = srcu.srcu_read_lock();
    const set = new Memslots(7n, []);
    const writer = vm.thread(publishAndSynchronize(vm.kvm, 1, set)).until("memslots.published");
    expect(vm.kvm.memslots[1]).toBe(set);
    const late = srcu.srcu_read_lock();
    expect(writer.asFarAsPossible()).toBe("srcu");
    expect(vm.events("memslots.synchronized")).toEqual([]);
    srcu.srcu_read_unlock(old);
    expect(writer.asFarAsPossible()).toBe("srcu"); // it waits for who began before it waited
    srcu.srcu_read_unlock(late);
    writer.until("memslots.synchronized").finish();
    expect(vm.kvm.log).toEqual([
      { event: "memslots.published", as: 1, generation: 7n },
      { event: "memslots.synchronized", as: 1 },
    ]);
    expect(vm.kvm.counters.installs).toBe(1);
  });
});

test("storing a number changes the published set in place", () => {
  const vm = new TestVm();
  const [, set] = vm.kvm.memslots;
  const points = vm.thread(storeGeneration(vm.kvm, 1, set!, 99n)).points();
  expect(points).toEqual(["memslots.generation"]);
  expect(vm.kvm.memslots[1]!.generation).toBe(99n);
  expect(vm.kvm.log).toEqual([{ event: "memslots.generation", as: 1, generation: 99n }]);
});

test.each(["arm", "mips", "powerpc", "s390", "x86"] as const)(
  "the hook of %s is called",
  (name) => {
    const vm = new TestVm({ machine: { architecture: name } });
    const { ops } = vm.kvm;
    const points = vm.thread(callHook(vm.kvm, 6n)).points();
    expect(points.at(-1)).toBe("memslots.arch-updated");
    expect(vm.events("memslots.arch-updated")).toEqual([
      { event: "memslots.arch-updated", generation: 6n, published: [0n, 1n] },
    ]);
    expect(Object.keys(ops.kvm_arch_memslots_updated)).toContain(name);
  },
);

test("nothing is stopped at while nobody wants to", () => {
  const vm = new TestVm();
  const set = vm.kvm.memslots[0]!;
  const tasks = [
    publishAndSynchronize(vm.kvm, 0, set),
    storeGeneration(vm.kvm, 0, set, 2n),
    callHook(vm.kvm, 2n),
  ];
  expect(tasks.map((task) => task.next())).toEqual([
    { done: true, value: undefined },
    { done: true, value: undefined },
    { done: true, value: undefined },
  ]);
});
