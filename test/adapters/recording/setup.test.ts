import { describe, expect, test } from "vitest";
import { SetupFinder } from "../../../src/adapters/recording/setup.ts";
import type { Told } from "../../../src/adapters/recording/vocabulary.ts";

const root = (level: string, role: string): Told => ({
  observation: { kind: "get_page", fields: { gfn: "0", level, role } },
});
const fault = (address: string): Told => ({
  observation: { kind: "page_fault", fields: { address, access: "read" } },
});
const NPT = root("4", "q0 direct wux");

function found(...lines: Told[]): SetupFinder {
  const finder = new SetupFinder();
  for (const line of lines) finder.look(line, 68);
  return finder;
}

describe("a recording with CMD markers", () => {
  const drive: Told = { marker: "CMD 2 mem M 0x100000 0xA1000000" };

  test("is known as soon as a root is seen", () => {
    expect(found(drive).isComplete).toBe(false);
    const finder = found(drive, NPT);
    expect(finder.isComplete).toBe(true);
    expect(finder.found).toMatchObject({ name: "drive", task: 68, paging: "npt" });
    expect(finder.found!.isLast("PROGRAM end")).toBe(true);
    expect(finder.found!.isLast("END 2 rc 0")).toBe(false);
  });

  test.each([
    { what: "one direct root of level 4", page: NPT, paging: "npt" },
    { what: "PAE roots", page: root("2", "q0 direct wux"), paging: "shadow" },
    { what: "the root of a guest's tables", page: root("4", "q0 wux"), paging: "shadow" },
  ])("$what tell the paging", ({ page, paging }) => {
    expect(found(drive, page, root("1", "q0 direct wux")).found?.paging).toBe(paging);
  });

  test("without a root is taken to be direct", () => {
    expect(found(drive).found?.paging).toBe("npt");
  });
});

describe("a recording with markers of slots", () => {
  const start: Told = { marker: "GUEST start" };

  test("is known when a fault has shown where the ROM is", () => {
    const lines = [start, NPT, fault("1000"), fault("20000"), fault("d0010"), fault("d1010")];
    expect(found(...lines).isComplete).toBe(false);
    const finder = found(...lines, fault("400000"));
    expect(finder.isComplete).toBe(true);
    expect(finder.found).toMatchObject({ name: "kvmslots", task: 68, paging: "npt" });
    expect(finder.found!.isLast("GUEST stop")).toBe(true);
    expect(finder.found!.isLast("GUEST start")).toBe(false);
  });

  test("may begin anywhere", () => {
    expect(found({ marker: "ROMSLOT 3 DELETE begin" }).found?.name).toBe("kvmslots");
  });
});

test("without markers of either nobody is known", () => {
  const finder = found({ marker: "hello" }, NPT, fault("400000"));
  expect(finder.isComplete).toBe(false);
  expect(finder.found).toBeNull();
});
