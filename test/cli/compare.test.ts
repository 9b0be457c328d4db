import { join } from "node:path";
import { expect, test } from "vitest";
import { kmc, kmcJson } from "../support/kmc.ts";
import { expectNarrow } from "../support/lines.ts";
import { expectOutput } from "../support/output-schema.ts";
import { temporaryFolder, writeFiles } from "../support/temporary-folder.ts";

const PATCH = ["--patch", "11"];

/** Files with runs of the suite of a patch, on some layer. */
async function runs(...layers: string[][]): Promise<string[]> {
  const folder = temporaryFolder();
  const files: string[] = [];
  for (const [i, args] of layers.entries()) {
    const file = join(folder, `${i}.json`);
    await kmc("run", ...args, "--json", file);
    files.push(file);
  }
  return files;
}

test("kmc compare: 1 if something became worse, 0 if not, 3 if there is nothing in common", async () => {
  const files = await runs(
    [...PATCH, "--layer", "11"],
    [...PATCH, "--layer", "10"],
    ["--patch", "12", "--layer", "12"],
  );
  const [good, bad, other] = files as [string, string, string];
  const worse = await kmc("compare", good, bad);
  expect(worse).toMatchObject({ code: 1, err: "" });
  expect(worse.out).toContain("  p11.unaligned-slot.leaf-sptes-gone: conform → fail\n");
  expectNarrow(worse.out.split("\n"));
  const better = await kmc("compare", bad, good);
  expect(better).toMatchObject({ code: 0, err: "" });
  expect(better.out).toContain("  p11.unaligned-slot.leaf-sptes-gone: fail → conform\n");
  expect(await kmc("compare", good, good)).toMatchObject({ code: 0, err: "" });
  expect(await kmc("compare", good, other)).toMatchObject({ code: 3, err: "" });

  for (const [before, after, code] of [
    [good, bad, 1],
    [bad, good, 0],
    [good, other, 3],
  ] as const) {
    const ended = await kmcJson("compare", before, after);
    expect(ended.code).toBe(code);
    expectOutput(ended.document, "comparison");
  }
});

test("a file that is no run gets one sentence and exit code 2", async () => {
  const folder = temporaryFolder();
  const [good] = (await runs(["--patch", "12", "--layer", "12"])) as [string];
  writeFiles(folder, { "bad.json": { kind: "run" }, "list.json": [], "text.json": "\u001b[2J\n" });
  const said = async (name: string) => {
    const ended = await kmc("compare", good, join(folder, name));
    expect(ended).toMatchObject({ code: 2, out: "" });
    // eslint-disable-next-line no-control-regex
    expect(ended.err).toMatch(/^kmc: [^\n\u001b]+\n$/);
    return ended.err.slice(5 + folder.length + 1, -1);
  };
  expect(await said("bad.json")).toBe('bad.json, /: the property "format" is missing');
  expect(await said("list.json")).toBe('list.json, /kind: expected "run", found nothing');
  expect(await said("text.json")).toMatch(/^text\.json is not JSON: /);
  expect(await said("gone.json")).toBe("gone.json cannot be read: ENOENT");
});
