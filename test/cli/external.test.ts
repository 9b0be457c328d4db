import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { RunDocument } from "../../src/report/run-json.ts";
import { kmc, kmcJson } from "../support/kmc.ts";
import { moduleText, script, served } from "../support/modules.ts";
import { expectOutput } from "../support/output-schema.ts";
import { temporaryFolder, writeFiles } from "../support/temporary-folder.ts";
import { parseXml } from "../support/xml.ts";

/** The machine is shared: it may take long to start. */
const PATIENT = ["-j", "1", "--step-timeout", "60000"];
const MINIMAL = ["operation:create_vcpu", "operation:set_memory_region", "operation:access"];
const ONLY = "p03.fill-after-publication.read-reaches-ram";

describe("an implementation in a process of its own", () => {
  test("is judged; its run is written in every format, and judged again from its transcript", async () => {
    const folder = temporaryFolder();
    const formats = ["json", "junit", "ktap", "markdown", "html"];
    const files = formats.flatMap((name) => [`--${name}`, join(folder, "new", name)]);
    const transcript = join(folder, "transcript");
    const args = ["--impl", served("--layer", "3"), ...PATIENT, "--patch", "3", "--layer", "3"];
    const ended = await kmc("run", ...args, ...files, "--transcript", transcript);
    expect(ended).toMatchObject({ code: 0, err: "" });
    expect(ended.out).toContain("reference, layer 3 as promised");

    const read = (name: string): string => readFileSync(join(folder, "new", name), "utf8");
    const document = JSON.parse(read("json")) as RunDocument;
    expectOutput(document, "run");
    expect(document).toMatchObject({
      implementation: { name: "reference, layer 3 as promised" },
      ...{ notRun: 0, restarts: 0 },
    });
    const { length } = document.results;
    expect(length).toBeGreaterThan(10);
    const { conforms, "has-slip": slips, "has-remedy": remedies } = document.summary;
    expect(conforms + slips + remedies).toBe(length);
    expect(parseXml(read("junit"))).toMatchObject({
      attributes: { tests: String(length), failures: "0", errors: "0", skipped: "0" },
    });
    expect(read("ktap")).toContain(`\n  1..${length}\n`);
    expect(read("markdown")).toMatch(/^\*\*Conforms\.\*\* /);
    expect(read("html").split("<details id=")).toHaveLength(length + 1);
    expect(readdirSync(join(folder, "new")).sort()).toEqual([...formats].sort());

    const again = await kmc("replay", transcript, "--json");
    expect(again).toEqual({ code: 0, out: read("json"), err: "" });
    expect(await kmc("replay", transcript)).toEqual({ ...ended, err: "" });
  });

  test("that fails is told the same from its transcript", async () => {
    const transcript = join(temporaryFolder(), "transcript");
    const args = ["--impl", served("--layer", "2"), ...PATIENT, "--case", ONLY, "--layer", "3"];
    const ended = await kmc("run", ...args, "--json", "--transcript", transcript);
    expect(ended.code).toBe(1);
    const document = JSON.parse(ended.out) as RunDocument;
    expectOutput(document, "run");
    expect(document.summary).toMatchObject({ fails: 1, conforms: 0 });
    expect(document.results[0]!.equals).toContain("2");
    expect(await kmc("replay", transcript, "--json")).toEqual(ended);
  });

  test("that crashes costs one case, is started again, and is told the same later", async () => {
    const folder = temporaryFolder();
    const transcript = join(folder, "transcript");
    const impl = script("examples/broken/exits.mjs");
    const args = ["--impl", impl, ...PATIENT, "--layer", "27"];
    const ended = await kmc("run", ...args, "--json", "--transcript", transcript);
    expect(ended.code).toBe(1);
    const document = JSON.parse(ended.out) as RunDocument;
    expectOutput(document, "run");
    expect(document.summary.crashed).toBeGreaterThan(1);
    expect(document.restarts).toBeGreaterThanOrEqual(document.summary.crashed - 1);
    expect(document.results.find(({ verdict }) => verdict === "crashed")).toMatchObject({
      log: ["panic: index out of bounds", "  in handle_access"],
    });
    expect(await kmc("replay", transcript, "--json")).toEqual(ended);
    const text = await kmc("replay", transcript);
    expect(text.out.split("\n").filter((line) => line.length > 100)).toEqual([]);
  });
});

describe("an implementation as a module", () => {
  test("is judged; what it cannot do is not assessed", async () => {
    const folder = temporaryFolder();
    writeFiles(folder, { "mine.mjs": moduleText(MINIMAL, "return {};") });
    const { code, document } = await kmcJson(
      ...["run", "--module", join(folder, "mine.mjs"), "--patch", "3", "--layer", "3"],
    );
    expectOutput(document, "run");
    expect(code).toBe(1);
    expect(document).toMatchObject({ implementation: { name: "a module", version: "1" } });
    const { summary } = document as unknown as RunDocument;
    expect(summary["not-assessed"]).toBeGreaterThan(0);
    expect(summary["protocol-error"]).toBeGreaterThan(0);
    expect(summary.conforms).toBe(0);
  });

  test("that offers nothing has nothing assessed: exit code 3", async () => {
    const folder = temporaryFolder();
    const file = join(folder, "mine.mjs");
    writeFiles(folder, { "mine.mjs": moduleText([], "return {};") });
    const run = await kmcJson("run", "--module", file, "--patch", "3");
    expect(run.code).toBe(3);
    expectOutput(run.document, "run");
    expect(run.document["results"]).not.toEqual([]);
  });
});

describe("kmc run --smoke", () => {
  test("runs the cases of the smoke list and no others", async () => {
    const smoke = JSON.parse(readFileSync("fixtures/smoke.json", "utf8")) as string[];
    const { code, document } = await kmcJson("run", "--smoke");
    expect(code).toBe(0);
    const { results } = document as unknown as RunDocument;
    expect(results.map(({ id }) => id).sort()).toEqual(smoke);
    const part = await kmcJson("run", "--smoke", "--patch", "11");
    const ids = (part.document as unknown as RunDocument).results.map(({ id, patch }) => {
      expect(patch).toBe(11);
      return id;
    });
    expect(ids.length).toBeGreaterThan(0);
    expect(smoke).toEqual(expect.arrayContaining(ids));
  });
});

describe("a transcript that cannot be had or used:", () => {
  const asked = { patches: [3], slips: [], remedies: [], findErrata: false, chosen: true };
  const introduction = {
    ...{ protocol: 1, name: "a", version: "1", capabilities: [] },
    machine: { address_spaces: 2, physical_address_width: 40 },
  };

  test.each<{ what: string; text: string; says: string }>([
    {
      ...{ what: "of a case that is not there", says: " is about the case p03.gone, which this" },
      text: JSON.stringify({
        transcript: 1,
        introduction,
        asked: { ...asked, cases: ["p03.gone"] },
      }),
    },
    { what: "something else", text: "{}", says: ', line 1: expected {"transcript": 1, …} first' },
    { what: "no JSON", text: "\u001b[2J", says: ", line 1: expected a JSON object" },
    { what: "empty", text: "", says: ', line 1: expected {"transcript": 1, …}' },
  ])("$what", async ({ text, says }) => {
    const folder = temporaryFolder();
    const file = join(folder, "transcript");
    writeFileSync(file, text);
    const { code, out, err } = await kmc("replay", file);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err.startsWith(`kmc: ${file}${says}`)).toBe(true);
    expect(err.trimEnd()).not.toContain("\n");
  });

  test("the implementation does not start: nothing is left behind", async () => {
    const folder = temporaryFolder();
    const file = join(folder, "transcript");
    const { code } = await kmc("run", "--impl", "exit 7", ...PATIENT, "--transcript", file);
    expect(code).toBe(2);
    expect(existsSync(file)).toBe(false);
    expect(readdirSync(folder)).toEqual([]);
  });
});
