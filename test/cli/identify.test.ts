import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { kmc, kmcJson } from "../support/kmc.ts";
import { expectNarrow } from "../support/lines.ts";
import { moduleText, served } from "../support/modules.ts";
import { expectOutput } from "../support/output-schema.ts";
import { otherSlotStays, ramIsReached } from "../support/small-cases.ts";
import { temporaryFolder, writeFiles } from "../support/temporary-folder.ts";

// Two cases instead of some hundred, which take a quarter of a minute: all that can be told is
// whether patch 11 is there.
vi.mock("../../src/scenario/load-cases.ts", () => ({
  loadCases: () => [otherSlotStays, ramIsReached],
}));

const PATIENT = ["-j", "1", "--step-timeout", "60000"];

/** A module that says it can do all that the cases need, or nothing. */
function aModule(step: string, capabilities = ["operation:*", "event:*"]): string {
  const folder = temporaryFolder();
  writeFiles(folder, { "mine.mjs": moduleText(capabilities, step) });
  return join(folder, "mine.mjs");
}

const through = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i);

const findings = (document: Record<string, unknown>) =>
  document["findings"] as { part: unknown; state: string; by?: string[] }[];

test("says as what an implementation behaves, as JSON and as text", async () => {
  const args = ["identify", "--impl", served("--layer", "11"), ...PATIENT];
  const { code, document } = await kmcJson(...args);
  expect(code).toBe(0);
  expectOutput(document, "identification");
  expect(document).toMatchObject({
    implementation: { name: "reference, layer 11 as promised" },
    nearest: {
      layer: 11,
      layers: through(11, 27),
      patches: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
      errata: [],
    },
    ...{ assessed: 2, divergences: [] },
  });
  expect(findings(document).find(({ part }) => part === 11)).toEqual({
    ...{ part: 11, state: "present", by: ["p11.small.other-slot-stays"] },
  });
  expect(findings(document).find(({ part }) => part === 27)).toEqual({
    ...{ part: 27, state: "undetermined", missing: [] },
  });

  const text = await kmc(...args);
  expect(text).toMatchObject({ code: 0, err: "" });
  expectNarrow(text.out.split("\n"));
  expect(text.out).toMatch(
    /^reference, layer 11 as promised \S+: behaves in every assessed case as layers 11 to 27\n/,
  );
  expect(text.out).toMatch(/^present {7}11 KVM: x86\/mmu: Zap only/m);
  expect(text.out).toMatch(/\n2 cases assessed, 0 not explained\n$/);
});

test("what no layer explains is told: exit code 1", async () => {
  // Every page is mapped anew, and nowhere is RAM: the first is as before patch 11.
  const step =
    'return { create_vcpu: { vcpu: 0 }, set_memory_region: { result: "ok" } }[step.do] ?? { outcome: "mapped", hva: "0x1" };';
  const args = ["identify", "--module", aModule(step)];
  const { code, document } = await kmcJson(...args);
  expect(code).toBe(1);
  expectOutput(document, "identification");
  expect(document).toMatchObject({
    nearest: { layer: 0, layers: through(0, 10), patches: [], errata: [] },
    divergences: [{ id: "all.small.ram-is-reached", verdict: "fails" }],
  });
  expect(findings(document).find(({ part }) => part === 11)).toMatchObject({ state: "absent" });

  const { out } = await kmc(...args);
  expectNarrow(out.split("\n"));
  expect(out).toMatch(/^a module 1: comes closest to layers 0 to 10\n/);
  expect(out).toContain(
    "differs in all.small.ram-is-reached: RAM that is there is reached\n" +
      "  at /steps/2/expect/hva expected hva 0x10005000; seen outcome mapped, hva 0x1\n" +
      "2 cases assessed, 1 not explained\n",
  );
});

test("what cannot be assessed is said, and what it would need: exit code 3", async () => {
  const args = ["identify", "--module", aModule("return {};", ["operation:access"])];
  const { code, document } = await kmcJson(...args);
  expect(code).toBe(3);
  expectOutput(document, "identification");
  expect(document).toMatchObject({ assessed: 0, divergences: [] });
  expect(new Set(findings(document).map(({ state }) => state))).toEqual(new Set(["undetermined"]));
  const { out } = await kmc(...args);
  expect(out).toMatch(/^a module 1: nothing could be assessed\n/);
  expect(out).toContain("needs operation:create_vcpu, operation:set_memory_region\n");
});

test("writes the document to a file beside the text", async () => {
  const file = join(temporaryFolder(), "found.json");
  const args = ["--module", aModule("return {};", ["operation:access"]), "--json", file];
  const { code, out } = await kmc("identify", ...args);
  expect(code).toBe(3);
  expect(out).toMatch(/^a module 1: nothing could be assessed\n/);
  expectOutput(JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>, "identification");
});

test("a file that cannot be written is told before the work", async () => {
  const args = ["--module", aModule("return {};"), "--json", temporaryFolder()];
  const { code, err } = await kmc("identify", ...args);
  expect(code).toBe(2);
  expect(err).toMatch(/cannot be written: EISDIR/);
});
