import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Mutant } from "../../src/reference/mutants/mutant.ts";
import type { Case } from "../../src/scenario/case.generated.ts";
import { kmc } from "../support/kmc.ts";
import { expectOutput } from "../support/output-schema.ts";
import { otherSlotStays, ramIsReached } from "../support/small-cases.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** All that there is, instead of some hundred cases and mutants: it takes half a minute. */
const all = vi.hoisted(() => ({ cases: [] as Case[], mutants: [] as Mutant[] }));

vi.mock("../../src/scenario/load-cases.ts", () => ({
  loadCases: () => all.cases,
  caseFiles: () => all.cases.map(({ id, patch }) => ({ id, patch, path: id })),
  readCases: (files: { id: string }[]) =>
    all.cases.filter(({ id }) => files.some((file) => file.id === id)),
}));
vi.mock("../../src/reference/mutants/index.ts", () => ({ mutants: all.mutants }));

const ZAP = "kvm_mmu_invalidate_zap_pages_in_memslot";

const forgetful: Mutant = {
  ...{ id: "p11.forgetful", patch: 11, title: "zaps everything, as before" },
  apply: (_ops, below) => ({ [ZAP]: below[ZAP] }),
};
const harmless: Mutant = {
  ...{ id: "p11.harmless", patch: 11, title: "is the patch" },
  apply: () => ({}),
};

/** Starts it with a folder that is not there yet. */
async function start(...options: string[]) {
  const out = join(temporaryFolder(), "a", "report");
  const ended = await kmc("start", "--out", out, ...options);
  const read = (name: string): string => readFileSync(join(out, name), "utf8");
  return { ...ended, folder: out, files: readdirSync(out).sort(), read };
}

beforeEach(() => {
  all.cases.splice(0, Infinity, otherSlotStays, ramIsReached);
  all.mutants.splice(0, Infinity, forgetful);
});

describe("kmc start", () => {
  test("writes a document and a page, both whole, and leaves nothing else", async () => {
    const { code, err, files, read } = await start();
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(files).toEqual(["index.html", "report.json"]);
    const document = JSON.parse(read("report.json")) as Record<string, object>;
    expectOutput(document, "report");
    expect(document["run"]).toMatchObject({
      summary: { conforms: 2, fails: 0, "not-assessed": 0 },
    });
    expect(document["mutants"]).toMatchObject({ survivors: [] });
    expect(read("index.html")).toMatch(/^<!doctype html>[^]*<\/html>\n$/);
  });

  test("ends with a screen: who was tested, the staircase, cases, mutants, the report", async () => {
    const { out, folder } = await start();
    const [page, document] = [join(folder, "index.html"), join(folder, "report.json")];
    const lines = out.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^reference \d\S*, each suite on the layer of its own patch$/);
    expect(out).toMatch(/^11 Zap only the relevant pages .* \.{11}#{17}$/m);
    expect(out).toMatch(/^00 What holds at every layer +#{28}$/m);
    expect(lines.slice(-3)).toEqual([
      "2 cases: 2 conform, 0 fail, 0 not assessed",
      "1 mutant, 1 killed by their patch's own suite",
      `The report is in ${page} and ${document}.`,
    ]);
    expect(out).not.toContain("p11.small.other-slot-stays");
  });

  test("with --full tells each suite and each case before it", async () => {
    const [{ out }, brief] = [await start("--full"), await start()];
    expect(out).toMatch(/^p11\.small\.other-slot-stays +both +\.{11}#{17}$/m);
    expect(out).toMatch(/^all\.small\.ram-is-reached +both +#{28}$/m);
    const screen = (text: string): string => text.slice(text.lastIndexOf("\nreference"), -1);
    expect(screen(out).split("\n").slice(1, -1)).toEqual(`\n${brief.out}`.split("\n").slice(1, -2));
  });

  test("and names what is not as it should be before it, without --full, too", async () => {
    all.cases.splice(0, 1, { ...otherSlotStays, layers: { from: 10, to: 27 } });
    const { out } = await start();
    expect(out.indexOf("FAILS p11.small.other-slot-stays")).toBe(-1);
    expect(out).toMatch(
      /^p11\.small\.other-slot-stays +both +\.{10}!#{17}$[^]*^11 Zap .* \.{10}!#{17}$/m,
    );
  });

  test("ends with 1 when a mutant survives, and names it", async () => {
    all.mutants.push(harmless);
    const { code, out, read } = await start();
    expect(code).toBe(1);
    expect(out).toContain(
      "2 mutants, 1 killed by their patch's own suite\nsurvivor: p11.harmless\n",
    );
    expect(JSON.parse(read("report.json"))).toMatchObject({
      mutants: { survivors: ["p11.harmless"] },
    });
  });

  test("ends with 1 when a case is not as declared, and still writes the report", async () => {
    all.cases.splice(0, 1, { ...otherSlotStays, layers: { from: 10, to: 27 } });
    const { code, out, files } = await start();
    expect(code).toBe(1);
    expect(out).toMatch(/^p11\.small\.other-slot-stays +both +\.{10}!#{17}$/m);
    expect(files).toEqual(["index.html", "report.json"]);
  });

  test("writes over a report that is there", async () => {
    const { folder } = await start();
    all.cases.pop();
    expect((await kmc("start", "--out", folder)).code).toBe(0);
    const document = JSON.parse(readFileSync(join(folder, "report.json"), "utf8")) as unknown;
    expect(document).toMatchObject({ run: { summary: { conforms: 1 } } });
    expect(existsSync(join(folder, "report.json.tmp"))).toBe(false);
  });
});

describe("kmc matrix", () => {
  const row = /^p11\.small\.other-slot-stays +both +\.{11}#{17}$/m;
  const stair = /^11 Zap only the relevant pages .* \.{11}#{17}$/m;

  test("without a choice shows how much of each suite holds", async () => {
    const { code, out } = await kmc("matrix");
    expect(code).toBe(0);
    expect(out).toMatch(stair);
    expect(out).not.toMatch(row);
    expect(out).toMatch(
      /\n2 cases, 2 as declared; 1 of 1 patch told apart from the layer below\n$/,
    );
  });

  test.each([["--full"], ["--patch", "11"], ["--case", "p11.small.other-slot-stays"]])(
    "with %s shows each case",
    async (...choice) => {
      const { out } = await kmc("matrix", ...choice);
      expect(out).toMatch(row);
      expect(out).not.toMatch(stair);
    },
  );

  test("names the cases that are not as declared in any case", async () => {
    all.cases.splice(0, 1, { ...otherSlotStays, layers: { from: 10, to: 27 } });
    const { code, out } = await kmc("matrix");
    expect(code).toBe(1);
    expect(out).toMatch(/^p11\.small\.other-slot-stays +both +\.{10}!#{17}$/m);
  });
});

test("a list without cases has assessed nothing: exit code 3", async () => {
  all.cases.length = 0;
  for (const command of ["list", "run", "matrix"])
    expect(await kmc(command)).toMatchObject({ code: 3, err: "" });
  all.mutants.length = 0;
  expect(await kmc("mutants")).toMatchObject({ code: 3, err: "" });
});
