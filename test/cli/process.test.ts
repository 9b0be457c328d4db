import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { kmcIntoHead, kmcProcess } from "../support/kmc.ts";
import { temporaryFolder, writeFiles } from "../support/temporary-folder.ts";

const CASE = "p11.unaligned-slot.leaf-sptes-gone";
const ESCAPE = "\u001b[";

describe.concurrent("a process of its own", () => {
  test("ends with 0 when all conform, and is quiet on standard error in a pipe", async () => {
    const { code, out, err } = await kmcProcess(["run", "--patch", "3"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/^\d+ cases: \d+ conform, 0 fail, 0 not assessed$/m);
  });

  test("ends with 1 when a case does not hold, and names it", async () => {
    const { code, out, err } = await kmcProcess(["run", "--case", CASE, "--layer", "10"]);
    expect({ code, err }).toEqual({ code: 1, err: "" });
    expect(out).toContain(`FAILS ${CASE}\n`);
    expect(out).toContain("1 case: 0 conform, 1 fail, 0 not assessed\n");
  });

  test("ends with 2 on a mistake, with one line on standard error and no other", async () => {
    expect(await kmcProcess(["list", "--jsn"])).toEqual({
      ...{ code: 2, out: "" },
      err: "kmc: unknown option '--jsn' (Did you mean --json?)\n",
    });
  });

  test("does not mind that nobody reads on: kmc list --json | head -1", async () => {
    const { code, out, err } = await kmcIntoHead("list", "--json");
    expect({ code, out, err }).toEqual({ code: 0, out: "{\n", err: "" });
  });

  test("says when standard output cannot be written: kmc list > /dev/full", () => {
    const script = '"$0" bin/kmc.js list > /dev/full';
    const { status, stderr } = spawnSync("sh", ["-c", script, process.execPath]);
    expect(String(stderr)).toBe("kmc: standard output cannot be written: ENOSPC\n");
    expect(status).toBe(2);
  });

  test("keeps its verdict when nobody reads on", async () => {
    const args = ["run", "--json", "--layer", "2", "--patch", "3"];
    expect(await kmcIntoHead(...args)).toMatchObject({ code: 1, err: "" });
  });

  test.each<{ env: NodeJS.ProcessEnv; coloured: boolean }>([
    { env: { CI: "true" }, coloured: false },
    { env: { FORCE_COLOR: "1" }, coloured: true },
    { env: { FORCE_COLOR: "1", NO_COLOR: "1" }, coloured: false },
  ])("in a pipe, with $env: coloured $coloured", async ({ env, coloured }) => {
    const { code, out, err } = await kmcProcess(["list", "--patch", "12"], env);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out.includes(ESCAPE)).toBe(coloured);
  });
});

test("a process ends with 3 when nothing was assessed", async () => {
  const folder = temporaryFolder();
  writeFiles(folder, { "readme.txt": "Nothing about KVM.\n" });
  const file = join(folder, "readme.txt");
  expect(await kmcProcess(["document", file])).toEqual({
    ...{ code: 3, err: "" },
    out: `${file} says nothing about MMIO generations: not an MMU document of these years\n`,
  });
});
