import { describe, expect, test } from "vitest";
import type { Paging } from "../../../src/reference/machine/machine.ts";
import {
  is_host_writable_pte,
  is_large_pte,
  is_last_spte,
  is_writable_pte,
  makeWritable,
  spte_can_locklessly_be_made_writable,
  spte_to_pfn,
  spte_write_protect,
  SpteMasks,
} from "../../../src/reference/machine/spte.ts";
import { shadowPage } from "../../support/shadow-pages.ts";

const BIT = (n: number): bigint => 1n << BigInt(n);
const SPECIAL = BIT(62);
const WIDTHS = Array.from({ length: 17 }, (_, i) => 36 + i);
const masksOf = (paging: Paging, physicalAddressWidth = 40): SpteMasks =>
  new SpteMasks({ paging, physicalAddressWidth });

describe("the MMIO value", () => {
  test.each(WIDTHS)(
    "with EPT is writable and executable but not readable, at width %i",
    (width) => {
      const masks = masksOf("ept", width);
      expect(masks.shadow_mmio_value).toBe(SPECIAL | 0b110n);
      expect(masks.shadow_mmio_mask).toBe(SPECIAL | 0b111n);
      expect(masks.mmioFaultsAreReserved).toBe(true);
    },
  );

  describe.each(["npt", "shadow"] as const)("with %s", (paging) => {
    test.each(WIDTHS.slice(0, -1))("is present with reserved bit 51, at width %i", (width) => {
      const masks = masksOf(paging, width);
      expect(masks.shadow_mmio_value).toBe(SPECIAL | BIT(51) | 1n);
      expect(masks.shadow_mmio_mask).toBe(masks.shadow_mmio_value);
      expect(masks.mmioFaultsAreReserved).toBe(true);
    });

    test("is not present at width 52, where no bit is reserved: no fault tells MMIO", () => {
      const masks = masksOf(paging, 52);
      expect(masks.shadow_mmio_value).toBe(SPECIAL | BIT(51));
      expect(masks.shadow_mmio_mask).toBe(masks.shadow_mmio_value);
      expect(masks.mmioFaultsAreReserved).toBe(false);
    });
  });
});

describe.each(["ept", "npt", "shadow"] as const)("against L1TF, with %s", (paging) => {
  test.each(WIDTHS.filter((width) => width < 47))(
    "the five bits just below width %i are set, and the gfn stays below them",
    (width) => {
      const masks = masksOf(paging, width);
      const five =
        BIT(width - 1) | BIT(width - 2) | BIT(width - 3) | BIT(width - 4) | BIT(width - 5);
      expect(masks.shadow_nonpresent_or_rsvd_mask).toBe(five);
      expect(masks.shadow_nonpresent_or_rsvd_mask_len).toBe(5n);
      expect(masks.shadow_nonpresent_or_rsvd_lower_gfn_mask).toBe(BIT(width - 5) - BIT(12));
    },
  );

  test.each(WIDTHS.filter((width) => width >= 47))(
    "no bit is set at width %i, and the gfn has all of the address",
    (width) => {
      const masks = masksOf(paging, width);
      expect(masks.shadow_nonpresent_or_rsvd_mask).toBe(0n);
      expect(masks.shadow_nonpresent_or_rsvd_lower_gfn_mask).toBe(BIT(width) - BIT(12));
    },
  );
});

describe("an entry", () => {
  test.each(["ept", "npt", "shadow"] as const)(
    "is empty, MMIO or present, and only one of them, with %s",
    (paging) => {
      for (const width of [36, 46, 47, 52]) {
        const masks = masksOf(paging, width);
        const sp = shadowPage(1);
        expect([masks.is_mmio_spte(sp, 0), masks.is_shadow_present_pte(sp, 0)]).toEqual([
          false,
          false,
        ]);
        sp.spt.setRaw(1, masks.shadow_mmio_value | 0xabc_d000n);
        expect([masks.is_mmio_spte(sp, 1), masks.is_shadow_present_pte(sp, 1)]).toEqual([
          true,
          false,
        ]);
        masks.linkToTable(sp, 2, shadowPage(9));
        expect([masks.is_mmio_spte(sp, 2), masks.is_shadow_present_pte(sp, 2)]).toEqual([
          false,
          true,
        ]);
      }
    },
  );

  test("is not MMIO when a single bit of the value is missing", () => {
    for (const paging of ["ept", "npt"] as const) {
      const masks = masksOf(paging);
      for (let bit = 0; bit < 64; bit++) {
        if (((masks.shadow_mmio_value >> BigInt(bit)) & 1n) === 0n) continue;
        const sp = shadowPage(1);
        sp.spt.setRaw(0, masks.shadow_mmio_value & ~BIT(bit));
        expect(masks.is_mmio_spte(sp, 0)).toBe(false);
      }
    }
  });

  test("with EPT is not MMIO when it can be read as well", () => {
    const masks = masksOf("ept");
    const sp = shadowPage(1);
    sp.spt.setRaw(0, masks.shadow_mmio_value | 1n);
    expect(masks.is_mmio_spte(sp, 0)).toBe(false);
  });
});

describe("an entry that points to a table", () => {
  test.each([
    ["ept", 0b111n | BIT(8)],
    ["npt", 0b111n | BIT(5)],
    ["shadow", 0b111n | BIT(5)],
  ] as const)("with %s grants everything and is accessed", (paging, flags) => {
    const sp = shadowPage(1, 0, { level: 2 });
    const table = shadowPage(7);
    masksOf(paging).linkToTable(sp, 3, table);
    expect(sp.spt.raw(3)).toBe((BigInt(table.frame) << 12n) | flags);
    expect(spte_to_pfn(sp, 3)).toBe(table.frame);
    expect(is_last_spte(sp, 3)).toBe(false);
  });
});

describe("a leaf entry", () => {
  const ALL = {
    frame: 0x12345,
    access: 7,
    large: false,
    hostWritable: true,
    writable: true,
    accessed: true,
    dirty: true,
  };
  const FRAME = 0x12345n << 12n;
  /** SPTE_HOST_WRITEABLE and SPTE_MMU_WRITEABLE. */
  const WRITEABLE = BIT(10) | BIT(11);

  /** What EPT and the other pagings make of a leaf. */
  const rows: [string, Partial<typeof ALL>, ept: bigint, other: bigint][] = [
    [
      "that grants everything",
      {},
      FRAME | 0x77n | BIT(8) | BIT(9) | WRITEABLE,
      FRAME | 0x7n | BIT(5) | BIT(6) | WRITEABLE,
    ],
    [
      "that is read-only and clean",
      { writable: false, dirty: false },
      FRAME | 0x75n | BIT(8) | BIT(10),
      FRAME | 0x5n | BIT(5) | BIT(10),
    ],
    [
      "that the host does not let write",
      { writable: false, dirty: false, hostWritable: false },
      FRAME | 0x75n | BIT(8),
      FRAME | 0x5n | BIT(5),
    ],
    [
      "that nobody has accessed",
      { accessed: false, dirty: false },
      FRAME | 0x77n | WRITEABLE,
      FRAME | 0x7n | WRITEABLE,
    ],
    [
      "that must not be executed",
      { access: 6 },
      FRAME | 0x73n | BIT(8) | BIT(9) | WRITEABLE,
      BIT(63) | FRAME | 0x7n | BIT(5) | BIT(6) | WRITEABLE,
    ],
    [
      "that is not for user mode",
      { access: 3 },
      FRAME | 0x76n | BIT(8) | BIT(9) | WRITEABLE,
      FRAME | 0x3n | BIT(5) | BIT(6) | WRITEABLE,
    ],
    [
      "that is large",
      { large: true },
      FRAME | 0xf7n | BIT(8) | BIT(9) | WRITEABLE,
      FRAME | 0x87n | BIT(5) | BIT(6) | WRITEABLE,
    ],
  ];

  describe.each(rows)("%s", (_title, given, ept, other) => {
    test.each([
      ["ept", ept],
      ["npt", other],
      ["shadow", other],
    ] as const)("has the bits of %s", (paging, raw) => {
      const sp = shadowPage(1);
      masksOf(paging).setLeaf(sp, 0, { ...ALL, ...given });
      expect(sp.spt.raw(0)).toBe(raw);
    });
  });

  test("tells its frame, its size and who lets it be written", () => {
    const masks = masksOf("npt");
    const sp = shadowPage(1, 0, { level: 2 });
    masks.setLeaf(sp, 0, { ...ALL, large: true });
    masks.setLeaf(sp, 1, { ...ALL, writable: false, hostWritable: false });
    expect([0, 1].map((i) => spte_to_pfn(sp, i))).toEqual([0x12345, 0x12345]);
    expect([0, 1].map((i) => is_large_pte(sp, i))).toEqual([true, false]);
    expect([0, 1].map((i) => is_last_spte(sp, i))).toEqual([true, false]);
    expect([0, 1].map((i) => is_writable_pte(sp, i))).toEqual([true, false]);
    expect([0, 1].map((i) => is_host_writable_pte(sp, i))).toEqual([true, false]);
  });

  test("of level 1 is the last of a walk, large or not", () => {
    const sp = shadowPage(1, 0, { level: 1 });
    expect(is_last_spte(sp, 0)).toBe(true);
  });
});

describe("write protection", () => {
  const W = BIT(1);
  const HOST = BIT(10);
  const MMU = BIT(11);
  const FRAME = 0x9000n;

  /** An entry, for a guest page table or not; what is left; whether a flush is owed. */
  test.each([
    ["writable", W | HOST | MMU, false, HOST | MMU, true],
    ["writable", W | HOST | MMU, true, HOST, true],
    ["read-only for dirty logging", HOST | MMU, false, HOST | MMU, false],
    ["read-only for dirty logging", HOST | MMU, true, HOST, true],
    ["read-only for a guest page table", HOST, false, HOST, false],
    ["read-only for a guest page table", HOST, true, HOST, false],
    ["read-only for the host", 0n, true, 0n, false],
  ] as const)("of an entry %s (%i, for a table: %s)", (_title, before, forTable, after, owed) => {
    const sp = shadowPage(1);
    sp.spt.setRaw(0, FRAME | before | BIT(63));
    expect(spte_write_protect(sp, 0, forTable)).toBe(owed);
    expect(sp.spt.raw(0)).toBe(FRAME | after | BIT(63));
  });

  test("can be lifted without the lock only when host and MMU both allow writing", () => {
    const sp = shadowPage(1);
    for (const [i, bits] of [0n, HOST, MMU, HOST | MMU].entries()) sp.spt.setRaw(i, bits);
    const verdicts = [0, 1, 2, 3].map((i) => spte_can_locklessly_be_made_writable(sp, i));
    expect(verdicts).toEqual([false, false, false, true]);
  });

  test("is lifted by setting the writable bit and no other", () => {
    const sp = shadowPage(1);
    sp.spt.setRaw(0, BIT(63) | FRAME | HOST | MMU);
    makeWritable(sp, 0);
    expect(sp.spt.raw(0)).toBe(BIT(63) | FRAME | HOST | MMU | W);
  });
});
