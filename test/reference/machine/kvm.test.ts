import { describe, expect, test } from "vitest";
import { composeThrough } from "../../../src/reference/compose.ts";
import { KernelBug } from "../../../src/reference/machine/failures.ts";
import { Kvm } from "../../../src/reference/machine/kvm.ts";
import { machineParameters } from "../../../src/reference/machine/machine.ts";
import { pointerTo } from "../../../src/reference/machine/shadow-page.ts";
import { shadowPage } from "../../support/shadow-pages.ts";

const make = (machine: Parameters<typeof machineParameters>[0] = {}, log?: null): Kvm =>
  new Kvm(machineParameters(machine), composeThrough(27).ops, log);

describe("a new VM", () => {
  test.each([1, 2])("has an empty set of slots for each of %i address spaces", (addressSpaces) => {
    const { memslots } = make({ addressSpaces });
    expect(memslots.map(({ slots }) => slots.length)).toEqual(new Array(addressSpaces).fill(0));
  });

  test("has no page budget before it has memory, unless userspace has set one", () => {
    expect(make().n_max_mmu_pages).toBe(0);
    expect(make({ pageBudget: 100 }).n_max_mmu_pages).toBe(100);
  });

  test("keeps events unless it is told not to", () => {
    expect(make().log).toEqual([]);
    expect(make({}, null).log).toBeNull();
  });
});

describe("the shadow pages that exist", () => {
  test("are found by frame and by pointer until they are freed", () => {
    const kvm = make();
    const [one, other] = [shadowPage(1), shadowPage(2)];
    kvm.registerPage(one);
    kvm.registerPage(other);
    expect(kvm.page_header(other.frame)).toBe(other);
    expect(kvm.sptep(pointerTo(other, 511))).toEqual({ sp: other, index: 511 });
    expect([...kvm.allPages]).toEqual([one, other]);

    kvm.unregisterPage(other);
    expect([...kvm.allPages]).toEqual([one]);
    expect([one.freed, other.freed]).toEqual([false, true]);
    expect(kvm.counters).toMatchObject({ pages_allocated: 2, pages_freed: 1 });
    const used = new KernelBug("shadow page 2 is used after it was freed");
    expect(() => kvm.page_header(other.frame)).toThrow(used);
    expect(() => kvm.sptep(pointerTo(other, 0))).toThrow(used);
  });
});
