import { describe, expect, test } from "vitest";
import { mapGuestRange } from "../../../src/adapters/reference/map-guest-range.ts";
import type { MapGuestRangeStep } from "../../../src/scenario/case.generated.ts";

type Range = Omit<MapGuestRangeStep, "do" | "root">;

/** The entries that mapping these ranges leaves, by their addresses, with the root at 0x10000. */
function mapped(...ranges: Range[]): Record<string, string> {
  const memory = new Map<number, bigint>();
  for (const range of ranges) {
    mapGuestRange(
      { do: "map_guest_range", root: "0x10000", ...range },
      {
        read: (gpa) => memory.get(gpa) ?? 0n,
        write: (gpa, entry) => memory.set(gpa, entry),
      },
    );
  }
  const hex = (value: number | bigint): string => `0x${value.toString(16)}`;
  return Object.fromEntries([...memory].map(([gpa, entry]) => [hex(gpa), hex(entry)]));
}

describe("mapping a range writes", () => {
  test("the tables of its first page, which follow the root, and a leaf for each page", () => {
    expect(mapped({ gva: "0x40001000", gpa: "0x5000", npages: 2 })).toEqual({
      "0x10000": "0x11007",
      "0x11008": "0x12007",
      "0x12000": "0x13007",
      "0x13008": "0x5007",
      "0x13010": "0x6007",
    });
  });

  test("large pages one level higher, with their size bit", () => {
    expect(mapped({ gva: "0x40000000", gpa: "0x200000", npages: 2, large: true })).toEqual({
      "0x10000": "0x11007",
      "0x11008": "0x12007",
      "0x12000": "0x200087",
      "0x12008": "0x400087",
    });
  });

  test("further tables where the range leaves the last one", () => {
    expect(mapped({ gva: "0x401ff000", gpa: "0x5000", npages: 2 })).toMatchObject({
      "0x13ff8": "0x5007",
      "0x12008": "0x14007",
      "0x14000": "0x6007",
    });
  });

  test("into the tables that are there already, further ones after the last of them", () => {
    const first = { gva: "0x40000000", gpa: "0x5000", npages: 1 };
    expect(mapped(first, { gva: "0x40001000", gpa: "0x8000", npages: 1 })).toMatchObject({
      "0x13000": "0x5007",
      "0x13008": "0x8007",
    });
    expect(mapped(first, { gva: "0x8000000000", gpa: "0x8000", npages: 1 })).toMatchObject({
      "0x10008": "0x14007",
      "0x14000": "0x15007",
      "0x15000": "0x16007",
      "0x16000": "0x8007",
    });
  });
});
