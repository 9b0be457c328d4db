import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { recordOnReference } from "../../src/adapters/reference/reference-implementation.ts";
import { claimLayer, ownClaim } from "../../src/conformance/claim.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";
import { neededCapabilities } from "../../src/scenario/capabilities.ts";
import { loadCases } from "../../src/scenario/load-cases.ts";
import { kmcJson } from "../support/kmc.ts";
import { expectOutput, isOutput, outputSchema } from "../support/output-schema.ts";
import { temporaryFolder, writeFiles } from "../support/temporary-folder.ts";

const DECISIVE = "p11.unaligned-slot.leaf-sptes-gone";

describe("the schema describes what is printed as JSON by", () => {
  test.each<{ args: string[]; kind: string; code: number }>([
    { args: ["list"], kind: "list", code: 0 },
    { args: ["list", "--patch", "11"], kind: "list", code: 0 },
    { args: ["run"], kind: "run", code: 0 },
    { args: ["run", "--patches", "1,2,3"], kind: "run", code: 0 },
    { args: ["run", "--case", DECISIVE, "--layer", "10"], kind: "run", code: 1 },
    { args: ["run", "--patch", "6", "--layer", "6", "--slips", "E1"], kind: "run", code: 1 },
    { args: ["matrix", "--patch", "12"], kind: "matrix", code: 0 },
    { args: ["matrix", "--case", "E1.defect.measured-entry"], kind: "matrix", code: 0 },
    { args: ["mutants", "--patch", "12"], kind: "mutants", code: 0 },
    { args: ["show", DECISIVE], kind: "case", code: 0 },
    { args: ["source", "--layer", "0"], kind: "source", code: 0 },
    { args: ["source", "--profile", "merged", "--remedies", "E2,E3"], kind: "source", code: 0 },
    { args: ["diff", "10", "11"], kind: "diff", code: 0 },
    { args: ["diff", "27", "0"], kind: "diff", code: 0 },
    { args: ["diff", "5", "5"], kind: "diff", code: 0 },
    { args: ["explain", "11"], kind: "explanation", code: 0 },
    { args: ["explain", "9"], kind: "explanation", code: 0 },
    { args: ["explain", "E3"], kind: "explanation", code: 0 },
    { args: ["explore", "03"], kind: "explorations", code: 0 },
    { args: ["explore", "E3.teardown", "--layer", "27"], kind: "explorations", code: 1 },
    { args: ["explore", "03", "--layer", "3", "--max", "2"], kind: "explorations", code: 3 },
  ])("kmc $args", async ({ args, kind, code: expected }) => {
    const { code, document } = await kmcJson(...args);
    expect(code).toBe(expected);
    expectOutput(document, kind);
  });

  test("kmc document", async () => {
    const folder = temporaryFolder();
    const mmio = "Fast invalidation of MMIO sptes\n===============================\n";
    const all =
      "Zapping all pages (page generation count)\n=========================================\n";
    writeFiles(folder, { "after.txt": mmio, "before.txt": `${all}\n${mmio}`, "other.txt": "x\n" });
    const told = async (name: string) => {
      const { code, document } = await kmcJson("document", join(folder, name));
      expectOutput(document, "document");
      return { code, topics: document["topics"], patch12: document["patch12"] };
    };
    expect(await told("after.txt")).toEqual({
      ...{ code: 0, topics: ["mmio-generation"], patch12: true },
    });
    expect(await told("before.txt")).toEqual({
      ...{ code: 1, topics: ["zap-all-by-generation", "mmio-generation"], patch12: false },
    });
    expect(await told("other.txt")).toEqual({ code: 3, topics: [], patch12: null });
    writeFileSync(join(folder, "after.txt.gz"), gzipSync(mmio));
    expect(await told("after.txt.gz")).toEqual(await told("after.txt"));
  });

  test("kmc show, for every case, where it holds and before the series", () => {
    for (const scenario of loadCases()) {
      for (const { composition } of [ownClaim(scenario), claimLayer(0)]) {
        const record = recordOnReference(composition, scenario);
        const needs = neededCapabilities(scenario);
        const document = { kind: "case", format: 1, case: scenario, needs, on: "x", record };
        expect(isOutput(document), scenario.id).toBe(true);
      }
    }
  });
});

describe("the documents say", () => {
  test("run: that every case conforms where it must hold", async () => {
    const { document } = await kmcJson("run");
    const count = loadCases().length;
    expect(document["summary"]).toEqual({
      ...{ conforms: count, "has-slip": 0, "has-remedy": 0, deviates: 0, fails: 0 },
      ...{ "unexpected-pass": 0, crashed: 0, "timed-out": 0, "protocol-error": 0 },
      "not-assessed": 0,
    });
    expect(document["claim"]).toBe("each suite on the layer of its own patch");
  });

  test("run: what does not hold, and which layers do the same", async () => {
    const { document } = await kmcJson("run", "--case", DECISIVE, "--layer", "10");
    const [result] = document["results"] as [Record<string, unknown>];
    expect(result).toMatchObject({ id: DECISIVE, verdict: "fails", missing: [] });
    expect(result["equals"]).toContain("10");
    expect(result["equals"]).not.toContain("11");
  });

  test("list: every case once, with its erratum if it has one", async () => {
    const { document } = await kmcJson("list");
    const cases = document["cases"] as { id: string; erratum?: string }[];
    expect(cases.map(({ id }) => id)).toEqual(loadCases().map(({ id }) => id));
    const measured = cases.find(({ id }) => id === "E1.defect.measured-entry");
    expect(measured).toMatchObject({ patch: 6, proof: "defect", profile: "both", erratum: "E1" });
    expect(cases.find(({ id }) => id === DECISIVE)).not.toHaveProperty("erratum");
  });

  test("show: on what a case ran; with its erratum put in, if that is where it holds", async () => {
    const on = async (...args: string[]) => (await kmcJson("show", ...args)).document["on"];
    expect(await on(DECISIVE)).toBe("layer 11 as promised");
    expect(await on(DECISIVE, "--layer", "10")).toBe("layer 10 as promised");
    expect(await on("E1.defect.measured-entry")).toMatch(/^layer \d+ (with slip E1|as merged)$/);
  });

  test("diff: what is new, gone, changed, or moved", async () => {
    const { document } = await kmcJson("diff", "9", "10");
    expect(document).toMatchObject({ from: "layer 9 as promised", to: "layer 10 as promised" });
    const changes = document["changes"] as { name: string; before: unknown; after: unknown }[];
    const named = changes.find(({ name }) => name === "kvm_mmu_remote_flush_or_zap");
    expect(named).toMatchObject({ before: null, after: expect.any(String) as string });
    const back = (await kmcJson("diff", "10", "9")).document["changes"] as typeof changes;
    expect(back.find(({ name }) => name === "kvm_mmu_remote_flush_or_zap")).toMatchObject({
      after: null,
    });
    expect((await kmcJson("diff", "8", "9")).document).toMatchObject({ changes: [] });
    expect((await kmcJson("diff", "8", "9")).document["moved"]).not.toEqual([]);
  });
});

describe("the schema is strict:", () => {
  const samples = async () => {
    const args = [["list"], ["run", "--case", DECISIVE, "--layer", "10"], ["diff", "10", "11"]];
    const more = [["matrix", "--case", DECISIVE], ["mutants", "--patch", "12"], ["source"]];
    const documents = [];
    for (const each of [...args, ...more, ["show", DECISIVE]])
      documents.push((await kmcJson(...each)).document);
    return documents;
  };

  test("nothing may be added to a document, or left out", async () => {
    for (const document of await samples()) {
      expect(isOutput(document)).toBe(true);
      expect(isOutput({ ...document, extra: 1 })).toBe(false);
      for (const name of Object.keys(document)) {
        const { [name]: _left, ...rest } = document;
        expect(isOutput(rest), `${String(document["kind"])} without ${name}`).toBe(false);
      }
    }
  });

  test("an object has no other properties, but for events, results and what is named by users", () => {
    const BUNDLED = "/case.schema.json";
    const open: string[] = [];
    const walk = (part: unknown, path: string): void => {
      if (typeof part !== "object" || part === null || path.endsWith(BUNDLED)) return;
      const { type, additionalProperties: others } = part as Record<string, unknown>;
      if (type === "object" && others !== false) open.push(path);
      for (const [key, value] of Object.entries(part)) walk(value, `${path}/${key}`);
    };
    walk(outputSchema, "");
    expect(open).toEqual([
      "/$defs/event",
      "/$defs/matrix/properties/discriminated",
      "/$defs/stepRecord/properties/result",
      "/$defs/stepRecord/properties/threads",
    ]);
  });

  test("a verdict and its reasons go together", async () => {
    const { document } = await kmcJson("run", "--case", DECISIVE);
    const [result] = document["results"] as [object];
    const withResult = (changes: object) =>
      isOutput({ ...document, results: [{ ...result, ...changes }] });
    const violation = { pointer: "/steps/0", expected: "a", seen: "b" };
    expect(withResult({})).toBe(true);
    expect(withResult({ verdict: "fails" })).toBe(false);
    expect(withResult({ violations: [violation] })).toBe(false);
    expect(withResult({ verdict: "fails", violations: [violation] })).toBe(true);
    expect(withResult({ verdict: "not-assessed" })).toBe(false);
    expect(withResult({ verdict: "not-assessed", missing: ["event:free"] })).toBe(true);
    for (const verdict of ["conforms", "has-slip", "has-remedy", "unexpected-pass"]) {
      expect(withResult({ verdict })).toBe(true);
      expect(withResult({ verdict, violations: [violation] })).toBe(false);
      expect(withResult({ verdict, missing: ["event:free"] })).toBe(false);
      expect(withResult({ verdict, log: ["a"] })).toBe(false);
    }
    for (const verdict of ["fails", "deviates", "crashed", "timed-out", "protocol-error"]) {
      const isKernel = verdict === "fails" || verdict === "deviates";
      expect(withResult({ verdict })).toBe(false);
      expect(withResult({ verdict, violations: [violation] })).toBe(true);
      expect(withResult({ verdict, violations: [violation], equals: ["1"] })).toBe(isKernel);
      expect(withResult({ verdict, violations: [violation], log: ["a"] })).toBe(!isKernel);
    }
    expect(withResult({ verdict: "passes" })).toBe(false);
  });
});

test("every command takes --json, but for those that the guide names", async () => {
  const without: string[] = [];
  for (const [name, , load] of COMMANDS) {
    const command = new Command(name);
    (await load()).add(command);
    if (!command.options.some(({ long }) => long === "--json")) without.push(name);
  }
  const guide = readFileSync(join(PACKAGE_ROOT, "docs/guide.md"), "utf8");
  const [, named = ""] = /Every command takes `--json`, but for (.*?), which/.exec(guide) ?? [];
  expect([...named.matchAll(/`(\w+)`/g)].map(([, name]) => name).sort()).toEqual(without.sort());
});
