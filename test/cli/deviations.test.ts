import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { RunDocument } from "../../src/report/run-json.ts";
import { kmc } from "../support/kmc.ts";
import { served } from "../support/modules.ts";
import { expectNarrow } from "../support/lines.ts";
import { expectOutput } from "../support/output-schema.ts";
import { temporaryFolder, writeFiles } from "../support/temporary-folder.ts";

/** A case of patch 11 that fails on layer 10, and one of patch 10 that holds there. */
const FAILS = "p11.unaligned-slot.leaf-sptes-gone";
const why = { reason: "it was reverted", link: "https://example.org/1" };

/** Runs with a file of deviations. */
async function run(deviations: unknown, ...args: string[]) {
  const folder = temporaryFolder();
  const file = join(folder, "known.json");
  writeFiles(folder, { "known.json": deviations });
  return { file, ...(await kmc("run", ...args, "--deviations", file)) };
}

const known = (...deviations: object[]) => ({ deviations });

describe("kmc run --deviations", () => {
  test("a failure that is known is no failure", async () => {
    const args = ["--layer", "10", "--case", FAILS];
    const bare = await kmc("run", ...args);
    expect(bare.code).toBe(1);
    for (const which of [{ case: FAILS }, { patch: 11 }]) {
      const { code, out } = await run(known({ ...which, ...why }), ...args);
      expect(code).toBe(0);
      expect(out).toContain("1 case: 0 conform, 1 known to deviate, 0 fail, 0 not assessed\n");
      expect(out).not.toContain("FAILS");
    }
    const { code, out } = await run(known({ case: FAILS, ...why }), ...args, "--json");
    const document = JSON.parse(out) as RunDocument;
    expectOutput(document, "run");
    expect({ code, summary: document.summary }).toMatchObject({
      code: 0,
      summary: { deviates: 1 },
    });
    expect(document.results[0]!.violations).not.toEqual([]);
  });

  test("a case that is said to fail and does not is told: exit code 1", async () => {
    const args = ["--layer", "11", "--case", FAILS];
    const { code, out } = await run(known({ case: FAILS, ...why }), ...args);
    expect(code).toBe(1);
    expect(out).toContain(`UNEXPECTED PASS ${FAILS}\n`);
    const json = await run(known({ case: FAILS, ...why }), ...args, "--json");
    expectOutput(JSON.parse(json.out), "run");
  });

  test("an entry that explains nothing is told: exit code 1", async () => {
    const reason = "a ".repeat(80).trim();
    const { code, out } = await run(
      known({ patch: 3, ...why, reason }, { case: "p03.no-such-case", ...why }),
      ...["--layer", "3"],
    );
    expect(code).toBe(1);
    expect(out).toContain("\ndeviation not seen: patch 3 (a a a");
    expect(out).toContain("\ndeviation not seen: p03.no-such-case (it was reverted)\n");
    expectNarrow(out.split("\n"));
  });

  test("and is in every document", async () => {
    const folder = temporaryFolder();
    const formats = ["json", "junit", "ktap", "markdown", "html"];
    const files = formats.flatMap((name) => [`--${name}`, join(folder, name)]);
    const entry = { patch: 3, ...why };
    const { code } = await run(known(entry), "--layer", "3", "--patch", "3", ...files);
    expect(code).toBe(1);
    const read = (name: string): string => readFileSync(join(folder, name), "utf8");
    const document = JSON.parse(read("json")) as RunDocument;
    expectOutput(document, "run");
    expect(document.deviationsNotSeen).toEqual([entry]);
    expect(read("junit")).toContain('<testcase classname="deviations" name="patch 3">');
    expect(read("ktap")).toContain("\n  not ok 1 patch 3 # deviation not seen\n");
    for (const name of ["markdown", "html"]) {
      expect(read(name)).toContain("deviation not seen: patch 3 (it was reverted)");
    }
  });

  test("when only some cases run, entries about others do not matter", async () => {
    const others = known({ case: "p03.a", ...why }, { patch: 3, ...why }, { patch: 11, ...why });
    expect(await run(others, "--layer", "11", "--case", FAILS)).toMatchObject({ code: 0 });
    const suite = await run(others, "--layer", "11", "--patch", "11");
    expect(suite.code).toBe(1);
    expect(suite.out.match(/deviation not seen: .*/g)).toEqual([
      "deviation not seen: patch 11 (it was reverted)",
    ]);
  });

  test("may say what the implementation is", async () => {
    const claim = { layer: "10", because: "uname" };
    const { code, out } = await run({ claim, deviations: [] }, "--patch", "10");
    expect(code).toBe(0);
    expect(out).toMatch(/^reference \S+, layer 10 as promised\n/);
  });

  test.each<{ what: string; text: unknown; says: string }>([
    { what: "no JSON", text: "[", says: " is not JSON: " },
    { what: "a list", text: [], says: ", /: must be object\n" },
    {
      what: "no reason",
      text: known({ case: FAILS, link: "https://x" }),
      says: ", /deviations/0: ",
    },
    {
      ...{ what: "a link elsewhere", says: ", /deviations/0/link: must match pattern" },
      text: known({ case: FAILS, reason: "a", link: "http://x" }),
    },
  ])("$what gets one sentence and exit code 2", async ({ text, says }) => {
    const { code, out, err, file } = await run(text);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err.startsWith(`kmc: ${file}${says}`)).toBe(true);
    expect(err).toMatch(/^[^\n]+\n$/);
  });

  test("a file that is not there, or a claim twice, gets one sentence, too", async () => {
    const gone = await kmc("run", "--deviations", "v9.9");
    expect(gone).toMatchObject({ code: 2, out: "" });
    expect(gone.err).toMatch(
      /^kmc: there is no file v9\.9, and no preset of that name; there are .+\n$/,
    );
    const twice = await run({ claim: { layer: "3" }, deviations: [] }, "--layer", "3");
    expect(twice).toMatchObject({
      ...{ code: 2, out: "" },
      err: "kmc: --layer and these deviations exclude each other: both make a claim\n",
    });
  });
});

describe("kmc replay --deviations", () => {
  const PATIENT = ["-j", "1", "--step-timeout", "60000"];

  /** Runs the reference as an implementation, claimed to be what it is; writes the transcript. */
  async function transcribed(layer: string, args: string[], ...more: string[]): Promise<string> {
    const file = join(temporaryFolder(), "transcript");
    const impl = served("--layer", layer, ...more);
    await kmc("run", "--impl", impl, ...PATIENT, "--transcript", file, "--layer", layer, ...args);
    return file;
  }

  /** Judges it again with deviations. */
  async function judgedAgain(transcript: string, deviations: object) {
    const folder = temporaryFolder();
    writeFiles(folder, { "known.json": deviations });
    const args = [transcript, "--deviations", join(folder, "known.json")];
    const { code, out } = await kmc("replay", ...args, "--json");
    const document = JSON.parse(out) as RunDocument;
    expectOutput(document, "run");
    const text = await kmc("replay", ...args);
    return { code, document, text: text.out };
  }

  test("says what `kmc run` would have said with them", async () => {
    const transcript = await transcribed("10", ["--case", FAILS]);
    const again = await kmc("replay", transcript);
    expect(again.code).toBe(1);
    const packed = `${transcript}.gz`;
    writeFileSync(packed, gzipSync(readFileSync(transcript)));
    expect(await kmc("replay", packed)).toEqual(again);
    const excused = await judgedAgain(transcript, known({ case: FAILS, ...why }));
    expect(excused).toMatchObject({ code: 0, document: { summary: { deviates: 1, fails: 0 } } });
    const entries = known({ patch: 11, ...why }, { case: FAILS, ...why });
    const unseen = await judgedAgain(transcript, entries);
    // Patch 11 has more cases, which the run was not about.
    expect(unseen).toMatchObject({ code: 0, document: { deviationsNotSeen: [] } });
  });

  test("a deviation that was not seen is told: exit code 1", async () => {
    const transcript = await transcribed("3", ["--patch", "3"]);
    const { code, document, text } = await judgedAgain(transcript, known({ patch: 3, ...why }));
    expect({ code, unseen: document.deviationsNotSeen }).toEqual({
      ...{ code: 1, unseen: [{ patch: 3, ...why }] },
    });
    expect(text).toContain("\ndeviation not seen: patch 3 (it was reverted)\n");
  });

  test("finds no errata that they do not name", async () => {
    const transcript = await transcribed("6", ["--patch", "6"], "--slips", "E1");
    expect((await kmc("replay", transcript)).out).toMatch(/^[^\n]*, layer 6 as merged\n/);
    const { document } = await judgedAgain(transcript, known());
    expect(document.claim).toBe("layer 6 as promised");
  });

  test("takes what they say it is; cases that nobody played then are not run", async () => {
    const transcript = await transcribed("2", ["--smoke"]);
    const asLayer = (layer: string) =>
      judgedAgain(transcript, { claim: { layer }, deviations: [] });
    const less = await asLayer("1");
    expect(less).toMatchObject({
      ...{ code: 0, document: { claim: "layer 1 as promised", notRun: 0 } },
    });
    const more = await asLayer("3");
    expect(more.code).toBe(3);
    expect(more.document.notRun).toBeGreaterThan(0);
    expect(more.document.summary.fails).toBe(0);
    expect(more.text).toMatch(/\n\d+ cases? not run\n$/);
  });
});
