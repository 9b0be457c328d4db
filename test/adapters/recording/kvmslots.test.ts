import { beforeEach, describe, expect, test } from "vitest";
import { isInRom, Kvmslots } from "../../../src/adapters/recording/kvmslots.ts";
import type { Observation } from "../../../src/adapters/recording/observation.ts";
import { Vm } from "../../../src/adapters/recording/vm.ts";
import { layer } from "../../../src/conformance/profiles.ts";

const ROM = 0x400000;

let vm: Vm;
let program: Kvmslots;
beforeEach(() => {
  vm = new Vm(layer(27, "merged"), "npt");
  program = new Kvmslots(vm, ROM);
});

const slots = () =>
  vm.kvm.memslots[0]!.slots.map(({ base_gfn, npages, flags }) => ({ base_gfn, npages, flags }));

const fault = (address: string, access: string): Observation => ({
  ...{ kind: "page_fault", fields: { address, access } },
});

test("RAM and ROM are there from the start", () => {
  expect(slots()).toEqual([
    { base_gfn: 0, npages: 128, flags: 0 },
    { base_gfn: 0x400, npages: 16, flags: 2 },
  ]);
});

test("its markers delete the ROM slot, create it again and end the VM", () => {
  expect(program.marker("GUEST start")).toEqual({ ends: true, begins: "the guest" });
  expect(program.marker("ROMSLOT 7 DELETE begin")).toMatchObject({ ends: true });
  expect(slots()).toHaveLength(1);
  expect(program.marker("ROMSLOT 7 DELETE end CREATE begin")).toMatchObject({ ends: true });
  expect(slots()).toHaveLength(2);
  expect(program.marker("ROMSLOT 7 CREATE end")).toMatchObject({ ends: true });
  program.unprompted(fault("20000", "read"));
  expect(vm.kvm.n_used_mmu_pages).toBe(4);
  expect(program.marker("GUEST stop")).toMatchObject({ ends: true, begins: "teardown" });
  expect(vm.kvm.n_used_mmu_pages).toBe(0);
  expect(program.marker("something else")).toEqual({});
});

describe("what no marker explains comes from the guest", () => {
  const kindsOf = (happened: readonly Observation[]) =>
    happened.map(({ kind }) => kind).filter((kind) => program.kinds.has(kind));

  beforeEach(() => {
    program.marker("GUEST start");
    vm.takeHappened();
  });

  test("anything but a fault: it enters, and its roots are loaded", () => {
    expect(program.unprompted({ kind: "get_page", fields: {} })).toBe("entry into the guest");
    expect(kindsOf(vm.takeHappened())).toEqual(["get_page", "remote_flush"]);
    program.unprompted({ kind: "get_page", fields: {} });
    expect(vm.takeHappened()).toEqual([]);
  });

  test("a fault: it accesses what faulted", () => {
    program.unprompted({ kind: "get_page", fields: {} });
    vm.takeHappened();
    expect(program.unprompted(fault("d0010", "read"))).toBe("read of d0010");
    const happened = vm.takeHappened();
    expect(happened.at(-1)).toEqual({
      kind: "mmio_exit",
      fields: { gpa: "d0010", access: "read" },
    });
    expect(program.unprompted(fault("400000", "write"))).toBe("write of 400000");
    expect(vm.takeHappened().at(-1)).toMatchObject({ fields: { gpa: "400000", access: "write" } });
  });
});

test("before there is a vCPU nothing comes from a guest", () => {
  expect(program.unprompted(fault("20000", "read"))).toBeNull();
});

test("the ROM is beyond the RAM, and not where the guest finds no memory", () => {
  expect([0x7ffff, 0xd0010, 0xd1010].map(isInRom)).toEqual([false, false, false]);
  expect([0x80000, 0xf0000, 0x400000].map(isInRom)).toEqual([true, true, true]);
});
