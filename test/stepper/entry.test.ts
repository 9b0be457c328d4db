import { describe, expect, test } from "vitest";
import { machineParameters, type Paging } from "../../src/reference/machine/machine.ts";
import { sideOf } from "../../src/stepper/composition.ts";
import { type DecodedEntry, EntryLayout } from "../../src/stepper/entry.ts";

const decode = (side: string, raw: bigint, level = 1, paging: Paging = "npt"): DecodedEntry =>
  new EntryLayout(sideOf(side).composition, machineParameters({ paging })).decode(raw, level);

/** Parts as `high-low name value`. */
const partsOf = ({ parts }: DecodedEntry): string[] =>
  parts.map(({ high, low, name, value }) => `${high}-${low} ${name} ${value}`);

/** Bits of the generation by the bit of the entry that they are stored in. */
const stored = ({ bits }: DecodedEntry): Record<number, readonly number[]> =>
  Object.fromEntries(
    bits.flatMap(({ bit, generation }) => (generation.length > 0 ? [[bit, generation]] : [])),
  );

// What v5.0 with patches 1 to 6 wrote for gpa 0x200d... when generation 0x3ffb76 was current.
const MEASURED = 0x7bb800f800200ddfn;

describe("an MMIO SPTE", () => {
  test("holds the generation in two parts", () => {
    const entry = decode("8", 0x7ff800f800200ddfn);
    expect(entry.kind).toBe("MMIO");
    expect(partsOf(entry)).toEqual([
      "62-62 special: software's 0x1",
      "61-52 generation, bits 9-18 of it 0x3ff",
      "51-51 MMIO value 0x1",
      "44-40 gfn, upper bits 0x0",
      "39-35 set against L1TF 0x1f",
      "34-12 gfn 0x200",
      "11-3 generation, bits 0-8 of it 0x1bb",
      "2-2 user access 0x1",
      "1-1 write access 0x1",
      "0-0 MMIO value 0x1",
    ]);
    expect(entry.notes).toEqual([]);
  });

  test("has no bit of the generation twice, or two in one place, on any layer as promised", () => {
    for (let layer = 0; layer <= 27; layer++) {
      const entry = decode(String(layer), MEASURED);
      expect(entry.bits.some(({ overlaps }) => overlaps)).toBe(false);
      expect(Object.values(stored(entry)).flat()).toHaveLength(19);
    }
  });

  test("is not said to lack the flag that an update is in progress, which is never stored", () => {
    for (const layer of [3, 5, 7]) expect(decode(String(layer), MEASURED).notes).toEqual([]);
  });

  test("holds half of the generation twice with E1, and the rest nowhere", () => {
    const entry = decode("8+E1", MEASURED);
    const overlapping = entry.bits.filter(({ overlaps }) => overlaps).map(({ bit }) => bit);
    expect(overlapping).toEqual([60, 59, 58, 57, 56, 55, 54, 53, 52, 11, 10, 9, 8, 7, 6, 5, 4, 3]);
    expect(stored(entry)).toMatchObject({ 52: [0], 3: [0], 60: [8], 11: [8], 61: [9] });
    expect(entry.notes).toEqual([
      "Bits 0-8 of the generation are stored twice.",
      "Of the generation, bits 10-18 are stored nowhere.",
    ]);
  });

  test("is told from others by three low bits with EPT", () => {
    expect(partsOf(decode("8", (1n << 62n) | 0b110n, 1, "ept")).at(-1)).toBe("2-0 MMIO value 0x6");
  });
});

describe("a present entry", () => {
  test("of the last level is a leaf, with a frame and flags", () => {
    const entry = decode("27", 0x10005c67n);
    expect(entry.kind).toBe("leaf");
    expect(partsOf(entry).filter((part) => !part.endsWith("0x0"))).toEqual([
      "51-12 frame 0x10005",
      "11-11 MMU-writable 0x1",
      "10-10 host-writable 0x1",
      "6-6 dirty 0x1",
      "5-5 accessed 0x1",
      "2-2 user 0x1",
      "1-1 writable 0x1",
      "0-0 present 0x1",
    ]);
  });

  test("of a higher level leads to a table, unless it maps a large page", () => {
    expect(decode("27", 0x1000005027n, 2).kind).toBe("table");
    expect(decode("27", 0x10000ce7n, 2).kind).toBe("leaf");
  });

  test("has names of its own with EPT", () => {
    const parts = partsOf(decode("27", 0x10005f77n, 1, "ept"));
    expect(parts).toContain("5-3 memory type 0x6");
    expect(parts).toContain("2-2 executable 0x1");
  });
});
