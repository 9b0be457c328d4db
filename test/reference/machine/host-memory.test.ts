import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { check } from "../../../suites/support/property.ts";
import { HostMemory } from "../../../src/reference/machine/host-memory.ts";

const small = (resident: ConstructorParameters<typeof HostMemory>[0]["resident"] = "all") =>
  new HostMemory({ resident, hostPageLevel: 1 });

describe("a page that was never taken back", () => {
  test("has its own number as its frame", () => {
    const host = small();
    expect(host.frameOf(0x1234)).toBe(0x1234);
    expect(host.ownerOf(0x1234)).toBe(0x1234);
  });

  test("is present from the start when all memory is", () => {
    expect(small().isResident(77)).toBe(true);
  });

  test("is present when it is in one of the runs, or once it was touched", () => {
    const host = small([
      { hva: 0x4000, npages: 2 },
      { hva: 0x9000, npages: 1 },
    ]);
    const present = [3, 4, 5, 6, 8, 9, 10].filter((page) => host.isResident(page));
    expect(present).toEqual([4, 5, 9]);
    host.frameOf(6);
    expect(host.isResident(6)).toBe(true);
    expect(host.isResident(7)).toBe(false);
  });
});

describe.each(["all", "runs"] as const)(
  "when the host takes a page back (present: %s)",
  (which) => {
    const make = () => small(which === "all" ? "all" : [{ hva: 0, npages: 16 }]);

    test("the page is not present and nobody owns its frame", () => {
      const host = make();
      host.release(5);
      expect(host.isResident(5)).toBe(false);
      expect(host.ownerOf(5)).toBeNull();
      expect(host.isResident(6)).toBe(true);
      expect(host.ownerOf(6)).toBe(6);
    });

    test("the next touch brings a frame that no page has had", () => {
      const host = make();
      const seen = new Set(Array.from({ length: 16 }, (_, page) => page));
      for (const page of [5, 6, 5, 5]) {
        host.release(page);
        const frame = host.frameOf(page);
        expect(seen).not.toContain(frame);
        seen.add(frame);
        expect(host.frameOf(page)).toBe(frame);
        expect(host.isResident(page)).toBe(true);
        expect(host.ownerOf(frame)).toBe(page);
        expect(host.ownerOf(page)).toBeNull();
      }
    });

    test("a fresh frame that is taken back in turn has no owner", () => {
      const host = make();
      host.release(5);
      const frame = host.frameOf(5);
      host.release(5);
      expect(host.ownerOf(frame)).toBeNull();
      expect(host.isResident(5)).toBe(false);
    });

    test("the content is gone: the page reads zero when it is touched again", () => {
      const host = make();
      host.write(host.frameOf(5), 8, 8, 0x1234n);
      host.release(5);
      expect(host.read(host.frameOf(5), 8, 8)).toBe(0n);
      host.write(host.frameOf(5), 8, 8, 0x5678n);
      host.release(5);
      expect(host.read(host.frameOf(5), 8, 8)).toBe(0n);
    });
  },
);

describe("content", () => {
  test("reads zero where nothing was written", () => {
    expect(small().read(3, 0, 8)).toBe(0n);
  });

  test("is bytes, little end first", () => {
    const host = small();
    host.write(3, 16, 8, 0x1122_3344_5566_7788n);
    expect(host.read(3, 16, 1)).toBe(0x88n);
    expect(host.read(3, 20, 4)).toBe(0x1122_3344n);
    host.write(3, 17, 2, 0xabcdn);
    expect(host.read(3, 16, 8)).toBe(0x1122_3344_55ab_cd88n);
    expect(host.read(3, 24, 8)).toBe(0n);
    expect(host.read(4, 16, 8)).toBe(0n);
  });

  test.each([
    [1, 0x88n],
    [2, 0x7788n],
    [4, 0x5566_7788n],
    [8, 0x1122_3344_5566_7788n],
  ])("is read and written in words of %i bytes", (size, low) => {
    const host = small();
    host.write(5, 16, 8, 0x1122_3344_5566_7788n);
    expect(host.read(5, 16, size)).toBe(low);
    host.write(5, 16, size, 0xffff_ffff_ffff_ff00n);
    expect(host.read(5, 16, size)).toBe(BigInt.asUintN(size * 8, 0xffff_ffff_ffff_ff00n));
    const above = 0x1122_3344_5566_7788n >> BigInt(size * 8);
    expect(host.read(5, 16, 8) >> BigInt(size * 8)).toBe(above);
  });

  test("of what was written comes back, as from an array of bytes", () => {
    const write = fc.record({
      frame: fc.constantFrom(1, 2),
      offset: fc.nat({ max: 20 }),
      size: fc.constantFrom(1, 2, 4, 8),
      value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    });
    check(fc.array(write, { maxLength: 20 }), 200, (writes) => {
      const host = small();
      const model = new Map([1, 2].map((frame) => [frame, new Uint8Array(32)] as const));
      for (const { frame, offset, size, value } of writes) {
        host.write(frame, offset, size, value);
        for (let i = 0; i < size; i++)
          model.get(frame)![offset + i] = Number((value >> BigInt(8 * i)) & 0xffn);
      }
      for (const [frame, bytes] of model) {
        for (const [offset, byte] of bytes.entries())
          expect(host.read(frame, offset, 1)).toBe(BigInt(byte));
      }
    });
  });

  test("of a filled range numbers its pages in their first words", () => {
    const host = small();
    host.fill({ hva: 0x5000, npages: 3 }, 0xffff_ffff);
    expect([4, 5, 6, 7, 8].map((frame) => host.read(frame, 0, 8))).toEqual([
      0n,
      0xffff_ffffn,
      0n,
      1n,
      0n,
    ]);
    expect(host.read(6, 4, 4)).toBe(0n);
  });

  test("of a range filled twice is the later fill's, and a write changes only what it writes", () => {
    const host = small();
    host.fill({ hva: 0x5000, npages: 4 }, 0x100);
    host.fill({ hva: 0x6000, npages: 1 }, 0x900);
    expect([5, 6, 7].map((frame) => host.read(frame, 0, 4))).toEqual([0x100n, 0x900n, 0x102n]);
    host.write(7, 8, 8, 5n);
    expect([host.read(7, 0, 4), host.read(7, 8, 8)]).toEqual([0x102n, 5n]);
  });
});

describe("the size of the host page around a page", () => {
  const host = (hostPageLevel: 1 | 2 | 3, resident: "all" | [] = "all") =>
    new HostMemory({ resident, hostPageLevel });

  test.each([1, 2, 3] as const)(
    "is the machine's level %i while nothing was taken back",
    (level) => {
      expect(host(level).levelOf(0x12345)).toBe(level);
      expect(host(level, []).levelOf(0x12345)).toBe(level);
    },
  );

  test("is small where a page of the 2 MiB was taken back, and stays so", () => {
    const memory = host(2);
    memory.release(0x3ff);
    expect([0x1ff, 0x200, 0x3ff, 0x400].map((page) => memory.levelOf(page))).toEqual([2, 1, 1, 2]);
    memory.frameOf(0x3ff);
    expect([0x1ff, 0x200, 0x3ff, 0x400].map((page) => memory.levelOf(page))).toEqual([2, 1, 1, 2]);
  });

  test("of a split gigabyte is 2 MiB but around the page that was taken back", () => {
    const memory = host(3);
    memory.release(0x40000 + 0x200);
    expect(memory.levelOf(0x40000)).toBe(2);
    expect(memory.levelOf(0x40200)).toBe(1);
    expect(memory.levelOf(0x40400)).toBe(2);
    expect(memory.levelOf(0x3ffff)).toBe(3);
    expect(memory.levelOf(0x80000)).toBe(3);
  });
});
