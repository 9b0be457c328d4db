import { beforeEach, describe, expect, test } from "vitest";
import {
  mmio_info_in_cache,
  vcpu_clear_mmio_info,
  vcpu_match_mmio_gpa,
  vcpu_match_mmio_gva,
} from "../../../src/reference/kernel/mmio-cache.ts";
import type { Vcpu } from "../../../src/reference/machine/vcpu.ts";
import { GuestTables } from "../../support/guest-tables.ts";
import { TestVm } from "../../support/vm.ts";

let vm: TestVm;
let vcpu: Vcpu;

beforeEach(() => {
  vm = new TestVm();
  vcpu = vm.vcpu();
});

const fill = (gva: number, gfn: number): void => {
  const { generation } = vm.kvm.memslots[0]!;
  Object.assign(vcpu.cache, { gva, gfn, access: 7, generation });
};

describe("the per-vCPU MMIO cache answers", () => {
  test("for every byte of the cached page, by gva and by gfn, and for no other page", () => {
    fill(0x7000, 0x123);
    expect([0x6fff, 0x7000, 0x7fff, 0x8000].map((gva) => vcpu_match_mmio_gva(vcpu, gva))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect([0x122, 0x123, 0x124].map((gfn) => vcpu_match_mmio_gpa(vcpu, gfn))).toEqual([
      false,
      true,
      false,
    ]);
  });

  test("never for gfn 0 or virtual page 0, which mean that it is empty", () => {
    fill(0, 0);
    expect(vcpu_match_mmio_gva(vcpu, 0x10)).toBe(false);
    expect(vcpu_match_mmio_gpa(vcpu, 0)).toBe(false);
  });

  test("until the generation of address space 0 moves", () => {
    fill(0x7000, 0x123);
    vm.set({ as: 1, gfn: 0x10, npages: 1 });
    expect([vcpu_match_mmio_gva(vcpu, 0x7000), vcpu_match_mmio_gpa(vcpu, 0x123)]).toEqual([
      true,
      true,
    ]);
    vm.set({ gfn: 0x10, npages: 1 });
    expect([vcpu_match_mmio_gva(vcpu, 0x7000), vcpu_match_mmio_gpa(vcpu, 0x123)]).toEqual([
      false,
      false,
    ]);
  });

  test("by gfn with direct paging, by gva with shadowed guest page tables", () => {
    fill(0x7000, 0x123);
    expect([0x7000, 0x12_3456].map((address) => mmio_info_in_cache(vcpu, address))).toEqual([
      false,
      true,
    ]);
    const shadow = new TestVm({ machine: { paging: "shadow" } });
    vcpu = shadow.vcpu(0x1000);
    vm = shadow;
    fill(0x7000, 0x123);
    expect([0x7000, 0x12_3456].map((address) => mmio_info_in_cache(vcpu, address))).toEqual([
      true,
      false,
    ]);
  });
});

describe("the cached address is forgotten", () => {
  test("when it is the one that is meant, or any is; the gfn stays", () => {
    fill(0x7000, 0x123);
    vcpu_clear_mmio_info(vcpu, 0x8000);
    expect(vcpu.cache.gva).toBe(0x7000);
    vcpu_clear_mmio_info(vcpu, 0x7abc);
    expect(vcpu.cache).toMatchObject({ gva: 0, gfn: 0x123 });
    fill(0x9000, 0x123);
    vcpu_clear_mmio_info(vcpu, "any");
    expect(vcpu.cache.gva).toBe(0);
  });
});

describe("the cache is filled", () => {
  test("with direct paging by gfn, with all rights and the generation of that moment", () => {
    vm.set({ gfn: 0x10, npages: 1 });
    vm.read(vcpu, 0x123_456);
    const { generation } = vm.kvm.memslots[0]!;
    expect(vcpu.cache).toEqual({ gva: 0, gfn: 0x123, access: 7, generation });
    expect(vm.events("cache.fill")).toEqual([
      { event: "cache.fill", vcpu: 0, gva: 0, gfn: 0x123, generation },
    ]);
  });

  test("with shadowed page tables by gva page, with what the guest grants", () => {
    vm = new TestVm({ machine: { paging: "shadow" } });
    vm.set({ gfn: 0, npages: 0x200 });
    const tables = new GuestTables(vm, 0x100);
    tables.map(0x77, 0x5000, 0x1n); // present, for the supervisor, read-only
    vcpu = vm.vcpu(tables.cr3);
    expect(vm.read(vcpu, 0x77_123)).toMatchObject({ outcome: "mmio", gpa: 0x500_0123 });
    expect(vcpu.cache).toMatchObject({ gva: 0x77_000, gfn: 0x5000, access: 1 });
  });
});
