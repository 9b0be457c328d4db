import { describe, expect, test } from "vitest";
import { pageState, warn, warnOnce } from "../../../src/reference/machine/events.ts";
import { Kvm } from "../../../src/reference/machine/kvm.ts";
import { shadowPage } from "../../support/shadow-pages.ts";
import { TestVm } from "../../support/vm.ts";

describe("a warning", () => {
  test("is an event each time", () => {
    const { kvm } = new TestVm();
    warn(kvm, "here");
    warn(kvm, "here");
    expect(kvm.log).toEqual([
      { event: "warn", where: "here" },
      { event: "warn", where: "here" },
    ]);
  });

  test("of a place that warns once is an event the first time only, in each VM", () => {
    const [one, other] = [new TestVm().kvm, new TestVm().kvm];
    for (const kvm of [one, one, other]) warnOnce(kvm, "here");
    warnOnce(one, "there");
    expect(one.log).toEqual([
      { event: "warn", where: "here" },
      { event: "warn", where: "there" },
    ]);
    expect(other.log).toEqual([{ event: "warn", where: "here" }]);
  });

  test("counts as given also in a VM that keeps no events", () => {
    const { machine, ops } = new TestVm().kvm;
    const kvm = new Kvm(machine, ops, null);
    warnOnce(kvm, "here");
    expect([...kvm.warned]).toEqual(["here"]);
  });
});

test("an event names a shadow page as it was then, whatever becomes of it", () => {
  const sp = shadowPage(4, 0x200, { level: 2, smm: true, access: 5 });
  sp.root_count = 1;
  const state = pageState(sp);
  Object.assign(sp, { invalid: true, root_count: 0, unsync: true, mmu_valid_gen: 9 });
  expect(state).toEqual({
    id: 4,
    gfn: 0x200,
    level: 2,
    direct: true,
    access: 5,
    smm: true,
    invalid: false,
    root_count: 1,
    unsync: false,
    mmu_valid_gen: 0,
  });
});
