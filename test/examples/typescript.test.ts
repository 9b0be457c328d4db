import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import generations from "../../examples/typescript/generations.ts";
import { commandsOf } from "../../scripts/doc-commands.ts";
import { runSuites, type WireStep } from "../../src/index.ts";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";
import { kmc } from "../support/kmc.ts";
import { idsOf, verdictsOf } from "../support/verdicts.ts";

/** All that layer 8 says of memslots alone: no guest, no pages, no threads. */
const ASSESSED = [
  "p01.facts.hook-argument",
  "p01.kept.warns-when-already-in-flux",
  "p01.order.every-kind-of-change",
  "p05.facts.width-64",
  "p07.creation.address-space-0-at-0",
  "p08.creation.numbers-0-and-1",
  "p08.facts.flag-is-bit-63",
  "p08.install.bit-0-does-not-warn",
  "p08.install.one-address-space",
  "p08.install.steps-of-two",
  "p08.install.warns-about-bit-63",
];

describe("generations.ts", () => {
  test("conforms as layer 8 in each case that it can be assessed by", async () => {
    const found = await runSuites(generations, { layer: 8 });
    expect(verdictsOf(found)).toEqual(new Set(["conforms", "not-assessed"]));
    expect(idsOf(found, "conforms")).toEqual(ASSESSED);
  });

  test("fails as layer 7 where the flag is bit 0, and an install adds 4", async () => {
    const found = await runSuites(generations, { layer: 7 });
    expect(idsOf(found, "fails")).toEqual([
      "p04.facts.flag-is-bit-0",
      "p04.in-flux.install-on-a-flagged-number",
      "p04.in-flux.warns",
      "p07.creation.numbers-0-and-2",
      "p07.install.first-steps",
    ]);
    expect(idsOf(found, "conforms")).toEqual(ASSESSED.filter((id) => !id.startsWith("p08")));
  });
});

type Region = Extract<WireStep, { do: "set_memory_region" }>;

/** Slot 1 of one page at 0x5000, but for what is said. */
const region = (changes: Partial<Region> = {}): Region => ({
  ...{ do: "set_memory_region", slot: 1, gpa: "0x5000", size: "0x1000", hva: "0x10000000" },
  ...changes,
});

/** The checks of docs/model.md; slot 1 is there, slot 2 at 0x8000 with two pages. */
test.each<[string, Partial<Region>, "ok" | "EINVAL" | "EEXIST"]>([
  ["nothing changes", {}, "ok"],
  ["logs dirty pages", { flags: 1 }, "ok"],
  ["moves", { gpa: "0x7000" }, "ok"],
  ["goes", { size: "0x0" }, "ok"],
  ["goes, whatever its memory is", { size: "0x0", gpa: "0x0", hva: "0x0" }, "ok"],
  ["in the other address space", { as: 1, gpa: "0x8000" }, "ok"],
  ["the last slot", { slot: 508, gpa: "0x7000" }, "ok"],
  ["up to the last byte but a page", { slot: 3, gpa: "0xffffffffffffe000" }, "ok"],
  ["2^31 - 1 pages", { slot: 3, gpa: "0x100000000", size: "0x7fffffff000" }, "ok"],
  ["as far as host memory goes", { slot: 3, gpa: "0x0", hva: "0x7fffffffe000" }, "ok"],
  ["and farther", { slot: 3, gpa: "0x0", hva: "0x7ffffffff000" }, "EINVAL"],
  ["an unknown flag", { flags: 4 }, "EINVAL"],
  ["an address inside a page", { gpa: "0x5001" }, "EINVAL"],
  ["a size of no pages", { slot: 3, gpa: "0x0", size: "0x800" }, "EINVAL"],
  ["host memory inside a page", { slot: 3, gpa: "0x0", hva: "0x10000800" }, "EINVAL"],
  ["no such address space", { as: 2 }, "EINVAL"],
  ["no such slot id", { slot: 509, gpa: "0x7000" }, "EINVAL"],
  ["reaches 2^64", { slot: 3, gpa: "0xfffffffffffff000" }, "EINVAL"],
  ["2^31 pages", { slot: 3, gpa: "0x0", size: "0x80000000000", hva: "0x0" }, "EINVAL"],
  ["goes without having been there", { slot: 3, size: "0x0" }, "EINVAL"],
  ["grows", { size: "0x2000" }, "EINVAL"],
  ["gets other memory", { hva: "0x20000000" }, "EINVAL"],
  ["becomes read-only", { flags: 2 }, "EINVAL"],
  ["a new one onto another", { slot: 3 }, "EEXIST"],
  ["a new one onto the second page of another", { slot: 3, gpa: "0x9000" }, "EEXIST"],
  ["moves onto another", { gpa: "0x8000" }, "EEXIST"],
])("a region call: %s", async (_what, changes, expected) => {
  const vm = generations.create({}, new Set(["memslots.generation"]));
  await vm.step(region());
  await vm.step(region({ slot: 2, gpa: "0x8000", size: "0x2000", hva: "0x30000000" }));
  const { result, events = [] } = await vm.step(region(changes));
  expect(result).toBe(expected);
  if (expected !== "ok") expect(events).toEqual([]);
});

test("a snapshot tells the slots and generations of both address spaces", async () => {
  const vm = generations.create({}, new Set());
  await vm.step(region({ slot: 7 }));
  await vm.step(region({ slot: 2, gpa: "0x8000" }));
  await vm.step(region({ slot: 7, size: "0x0" }));
  await vm.step(region({ slot: 3, as: 1 }));
  expect(await vm.step({ do: "snapshot", parts: ["memslots"] })).toEqual({
    memslots: [
      { as: 0, generation: "0x8", in_flux: false, slots: [2] },
      { as: 1, generation: "0x3", in_flux: false, slots: [3] },
    ],
  });
});

const README = readFileSync(join(PACKAGE_ROOT, "examples/typescript/README.md"), "utf8");

/** What the commands of its README end with, and say. */
const SAID = [
  { code: 0, says: "\n161 cases: 11 conform, 0 fail, 150 not assessed\n" },
  { code: 1, says: "\n151 cases: 5 conform, 5 fail, 141 not assessed\n" },
  { code: 0, says: "generations 1: behaves in every assessed case as layers 8 to 27\n" },
];
const COMMANDS = commandsOf(README).map((command, i) => ({ ...command, ...SAID[i] }));

test.each(COMMANDS)("in its README: $line", async ({ args, exits, code, says = "?" }) => {
  expect(exits).toBe(code);
  const ended = await kmc(...args);
  expect(ended.code).toBe(code);
  expect(ended.out).toContain(says);
});

test("its README tells how many cases it is assessed by", () => {
  expect(README).toContain(`${ASSESSED.length} of layer 8 are`);
});
