import { join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { selectCases } from "../../src/cli/select.ts";
import type { RunDocument } from "../../src/report/run-json.ts";
import { loadCases } from "../../src/scenario/load-cases.ts";
import { aCase } from "../support/a-case.ts";
import { kmc, kmcJson } from "../support/kmc.ts";
import { served } from "../support/modules.ts";
import { otherSlotGoes, otherSlotStays } from "../support/small-cases.ts";
import { temporaryFolder, writeFiles } from "../support/temporary-folder.ts";

const A = "p11.unaligned-slot.leaf-sptes-gone";

/** A folder with these files, the working folder of nobody. */
function folderWith(files: Readonly<Record<string, unknown>>): string {
  const folder = temporaryFolder();
  writeFiles(folder, files);
  return folder;
}

const named = (...parts: string[]): string => relative(process.cwd(), join(...parts));

async function ran(...args: string[]): Promise<string[]> {
  const { document } = await kmcJson("run", ...args);
  return (document as unknown as RunDocument).results.map(({ id }) => id);
}

/** Some of the suite, as ids. */
const suite = (wanted: (id: string) => boolean): string[] =>
  loadCases().flatMap(({ id }) => (wanted(id) ? [id] : []));

const E1 = suite((id) => id.startsWith("E1.defect."));
const P12 = suite((id) => id.startsWith("p12."));

describe("cases are chosen", () => {
  test.each<{ args: string[]; ids: readonly string[] }>([
    { args: ["--case", P12[0]!, "--case", A], ids: [A, P12[0]!] },
    { args: ["--case", `${P12[0]!}, ${A}`], ids: [A, P12[0]!] },
    { args: ["--case", "p12.*"], ids: P12 },
    { args: ["--case", `p12.*,${A}`, "--case", A], ids: [A, ...P12] },
    { args: ["--case", "E1.defect.*", "--patch", "6"], ids: E1 },
    { args: ["--case", "*12.*s.*-*s"], ids: P12.filter((id) => /^.*12\..*s\..*-.*s$/.test(id)) },
  ])("by $args, each once, in the order of the suite", async ({ args, ids }) => {
    const { code, document } = await kmcJson("list", ...args);
    expect(code).toBe(0);
    const listed = (document["cases"] as { id: string }[]).map(({ id }) => id);
    expect([...listed].sort()).toEqual([...ids].sort());
    expect(listed).toEqual(suite((id) => listed.includes(id)));
  });

  test("by patches: a list, ranges, repeated", async () => {
    const patches = async (...args: string[]) => {
      const { document } = await kmcJson("list", ...args);
      return [...new Set((document["cases"] as { patch: number }[]).map(({ patch }) => patch))];
    };
    expect(await patches("--patch", "0,3-5,!4", "--patch", "12")).toEqual([0, 3, 5, 12]);
  });

  test.each([
    { pattern: "p12.*.no-such", says: /there is no case "p12\.\*\.no-such"; / },
    { pattern: ".*", says: /there is no case "\.\*"; / },
    { pattern: "p12", says: /there is no case "p12"; / },
    { pattern: "p12.*,", says: /there is no case ""; / },
    { pattern: "p99.*,p12.*", says: /there is no case "p99\.\*"; / },
  ])("and $pattern names none", async ({ pattern, says }) => {
    const { code, out, err } = await kmc("list", "--case", pattern);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(says);
  });

  test("of several, none can be shown alone", async () => {
    const { code, out, err } = await kmc("show", "p12.*");
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toBe(`kmc: one case can be shown, not ${P12.length}: ${P12.join(", ")}\n`);
  });
});

describe("a person's own case", () => {
  const files = { "my.json": otherSlotStays, "other.json": otherSlotGoes };

  test("is run alone, whatever its file is called", async () => {
    const file = join(folderWith(files), "my.json");
    expect(await ran("--file", file)).toEqual([otherSlotStays.id]);
    expect(await ran("--case", file)).toEqual([otherSlotStays.id]);
    const { code, out } = await kmc("run", "--file", file, "--layer", "10");
    expect(code).toBe(1);
    expect(out).toContain(`FAILS ${otherSlotStays.id}\n`);
  });

  test("is run beside others, and with a list of smoke cases", async () => {
    const folder = folderWith(files);
    const both = ["--file", join(folder, "my.json"), "--file", join(folder, "other.json")];
    expect((await ran(...both)).sort()).toEqual([otherSlotGoes.id, otherSlotStays.id]);
    expect(await ran("--case", `${A},${join(folder, "my.json")}`)).toEqual([A, otherSlotStays.id]);
    const smoke = await ran("--smoke", "--patch", "12", ...both.slice(0, 2));
    expect(smoke.at(-1)).toBe(otherSlotStays.id);
  });

  test("takes the place of the suite's with its id", async () => {
    const scenario = { ...otherSlotGoes, id: A };
    const file = join(folderWith({ "my.json": scenario }), "my.json");
    expect(await ran("--case", A, "--file", file)).toEqual([A]);
    expect((await kmc("run", "--case", A, "--file", file)).code).toBe(1);
  });

  test("is shown, and has its line in the matrix", async () => {
    const file = join(folderWith(files), "my.json");
    const shown = await kmc("show", "--file", file);
    expect(shown).toEqual(await kmc("show", file));
    expect(shown.out).toContain(otherSlotStays.id);
    const { out } = await kmc("matrix", "--file", file);
    expect(out).toMatch(/^p11\.small\.other-slot-stays +both +\.{11}#{17}$/m);
  });

  test("is judged again from a transcript that holds it", async () => {
    const folder = folderWith(files);
    const transcript = join(folder, "transcript");
    const patient = ["-j", "1", "--step-timeout", "60000"];
    const run = ["run", "--impl", served("--layer", "10"), ...patient, "--layer", "10"];
    const args = [...run, "--file", join(folder, "other.json"), "--transcript", transcript];
    const ended = await kmc(...args);
    expect(await kmc("replay", transcript)).toEqual({ ...ended, err: "" });
  });

  test("with a mistake is refused, with the place of it", async () => {
    const folder = folderWith({ "my.json": { ...otherSlotStays, steps: [{ do: "acess" }] } });
    for (const args of [["run", "--file"], ["matrix", "--case"], ["show"], ["explore"]]) {
      const { code, out, err } = await kmc(...args, join(folder, "my.json"));
      expect({ code, out }).toEqual({ code: 2, out: "" });
      expect(err).toMatch(
        `kmc: ${named(folder, "my.json")}: at /steps/0/do: "acess" is not a kind`,
      );
    }
  });

  test("is refused beside another with its id", async () => {
    const folder = folderWith({ "a.json": otherSlotStays, "b.json": otherSlotStays });
    const both = ["a.json", "b.json"].map((name) => join(folder, name));
    const { code, err } = await kmc("run", "--file", both[0]!, "--file", both[1]!);
    expect(code).toBe(2);
    expect(err).toBe(`kmc: ${both[1]!}: at /id: is the id of ${both[0]!}, too\n`);
  });
});

describe("a file of the suite that is spoiled", () => {
  const spoiled = "11-zap-only-the-slot/p11.small.spoiled.json";
  const fixtures = (): string =>
    folderWith({
      [spoiled]: "{",
      "11-zap-only-the-slot/p11.small.case.json": aCase(),
      "12-document-no-fast-invalidate/p12.small.case.json": aCase({
        ...{ id: "p12.small.case", patch: 12, layers: { from: 12, to: 27 } },
      }),
    });

  test("costs nobody who did not ask for it", () => {
    const folder = fixtures();
    const ids = (selection: object) => selectCases(selection, folder).map(({ id }) => id);
    expect(ids({ case: "p11.small.case" })).toEqual(["p11.small.case"]);
    expect(ids({ case: "p*.case" })).toEqual(["p11.small.case", "p12.small.case"]);
    expect(ids({ patch: "12" })).toEqual(["p12.small.case"]);
  });

  test.each([{}, { patch: "11" }, { case: "p11.*" }, { case: "p11.small.spoiled" }])(
    "is named to who asks for it by %o",
    (selection) => {
      const folder = fixtures();
      expect(() => selectCases(selection, folder)).toThrow(
        `${named(folder, spoiled)}: is not JSON`,
      );
    },
  );
});

test("what names one thing cannot be said twice", async () => {
  for (const [option, ...rest] of [
    ["--layer", "3", "run"],
    ["--json", "a", "run"],
    ["--impl", "a", "run"],
    ["--deviations", "v5.3", "run"],
    ["-j", "3", "identify"],
    ["--bound", "1", "explore"],
    ["--image", "a", "kernel"],
  ] as const) {
    const [value, command] = rest;
    const { code, out, err } = await kmc(command, option, value, option, value);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(new RegExp(`^kmc: option '.*${option}\\b.*' cannot be repeated\n$`));
  }
});
