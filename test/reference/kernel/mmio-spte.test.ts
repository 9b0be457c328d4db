import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { check } from "../../../suites/support/property.ts";
import {
  get_mmio_spte_access,
  get_mmio_spte_gfn,
  mmioSpteWithoutGeneration,
} from "../../../src/reference/kernel/mmio-spte.ts";
import type { Kvm } from "../../../src/reference/machine/kvm.ts";
import type { Paging } from "../../../src/reference/machine/machine.ts";
import { TestVm } from "../../support/vm.ts";

const kvmWith = (paging: Paging, physicalAddressWidth: number, layer = 27): Kvm =>
  new TestVm({ layer, machine: { paging, physicalAddressWidth } }).kvm;

/** Widths with L1TF bits (36-46) and without; at 52 the value itself stands where gfns do. */
const WIDTHS = [36, 39, 40, 46, 47, 51] as const;

describe.each(["ept", "npt", "shadow"] as const)("an MMIO SPTE with %s", (paging) => {
  describe.each(WIDTHS)("at width %i", (width) => {
    const kvm = kvmWith(paging, width);
    const gfn = fc.maxSafeNat().map((value) => value % 2 ** (width - 12));
    const access = fc.constantFrom(0, 2, 4, 6);
    const generation = fc.bigInt({ min: 0n, max: 0x7ffffn });

    test("gives its gfn back, whatever access and generation it has", () => {
      check(fc.tuple(gfn, access, generation), 200, ([number, rights, field]) => {
        const spte =
          mmioSpteWithoutGeneration(kvm, number, rights) |
          kvm.ops.generation_mmio_spte_mask(kvm, field);
        expect(get_mmio_spte_gfn(kvm, spte)).toBe(number);
        expect(kvm.ops.get_mmio_spte_generation(kvm, spte)).toBe(field);
      });
    });

    test("has the MMIO value and the bits against L1TF", () => {
      check(fc.tuple(gfn, access), 100, ([number, rights]) => {
        const spte = mmioSpteWithoutGeneration(kvm, number, rights);
        const { shadow_mmio_mask, shadow_mmio_value, shadow_nonpresent_or_rsvd_mask } = kvm.masks;
        expect(spte & shadow_mmio_value).toBe(shadow_mmio_value);
        expect(spte & shadow_nonpresent_or_rsvd_mask).toBe(shadow_nonpresent_or_rsvd_mask);
        // With EPT the access bits fall into the value; with others the value is as it was.
        if (paging !== "ept") expect(spte & shadow_mmio_mask).toBe(shadow_mmio_value);
      });
    });
  });

  test("remembers write and user access, but with EPT, where the value has their bits", () => {
    const kvm = kvmWith(paging, 40);
    for (const rights of [0, 2, 4, 6]) {
      const spte =
        mmioSpteWithoutGeneration(kvm, 0x12345, rights) |
        kvm.ops.generation_mmio_spte_mask(kvm, 0x7ffffn);
      expect(get_mmio_spte_access(kvm, spte)).toBe(paging === "ept" ? 0 : rights);
    }
  });
});

describe("the bits of an MMIO SPTE", () => {
  test("put the gfn's part in the L1TF bits five bits up", () => {
    // Width 40: bits 35-39 are set against L1TF. A gfn with bits 23 and 27 has address bits 35, 39.
    const gfn = 2 ** 23 + 2 ** 27 + 1;
    const spte = mmioSpteWithoutGeneration(kvmWith("npt", 40), gfn, 6);
    const value = (1n << 62n) | (1n << 51n) | 1n;
    const moved = (1n << 40n) | (1n << 44n);
    expect(spte).toBe(value | (0x1fn << 35n) | moved | 0x1000n | 6n);
  });

  test("leave the gfn in one piece where there is no guard against L1TF", () => {
    const spte = mmioSpteWithoutGeneration(kvmWith("ept", 47), 0x7_ffff_ffff, 0);
    expect(spte).toBe((1n << 62n) | 0b110n | (0x7_ffff_ffffn << 12n));
  });

  test.each([0, 8, 27])("measured on a real kernel, with NPT at width 40: layer %i", (layer) => {
    // 7ff800f800200ddf is the entry of gfn 0x200 at generation fff76 of the base: see errata.md,
    // E1.
    const kvm = kvmWith("npt", 40, layer);
    const without = mmioSpteWithoutGeneration(kvm, 0x200, 6);
    const field = layer === 0 ? 0xfff76n : 0xfff76n >> 1n;
    expect(without | kvm.ops.generation_mmio_spte_mask(kvm, field)).toBe(0x7ff8_00f8_0020_0ddfn);
  });
});
