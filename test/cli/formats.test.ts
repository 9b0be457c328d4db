import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { RUN_FORMATS } from "../../src/report/run-formats.ts";
import { kmc, kmcProcess } from "../support/kmc.ts";
import { parseKtap } from "../support/ktap.ts";
import { served } from "../support/modules.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

test.each(Object.keys(RUN_FORMATS))(
  "kmc run --%s prints what it would write, and nothing else",
  async (format) => {
    const file = join(temporaryFolder(), "written");
    const args = ["run", "--patch", "12", `--${format}`];
    const { code, out } = await kmc(...args, file);
    expect(code).toBe(0);
    expect(out).toMatch(/^reference \S+, each suite on the layer of its own patch\n/);
    const written = readFileSync(file, "utf8");
    expect(await kmc(...args)).toEqual({ code: 0, out: written, err: "" });
  },
);

test("a reader of KTAP can read from kmc, whatever the implementation writes where", async () => {
  const noisy = `echo noise >&2; FORCE_COLOR=1 ${served("--layer", "3")}`;
  const args = ["--impl", noisy, "-j", "1", "--step-timeout", "60000", "--layer", "3"];
  const run = ["run", "--ktap", ...args, "--patch", "3"];
  const { code, out, err } = await kmcProcess(run, { FORCE_COLOR: "1" });
  expect({ code, err }).toEqual({ code: 0, err: "" });
  const { tests } = parseKtap(out);
  expect(tests).toMatchObject([{ ok: true, name: "03-no-caching-in-flux" }]);
  expect(tests[0]!.subtests.length).toBeGreaterThan(10);
});
