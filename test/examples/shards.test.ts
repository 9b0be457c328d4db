import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** What docs/testing.md says of several machines, with some suites and two shards. */
const SUITES = ["suites/01", "suites/02", "suites/03", "suites/04"];
const VITEST = join(PACKAGE_ROOT, "node_modules/vitest/vitest.mjs");

interface JsonReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

/** Runs vitest in a process of its own, as on another machine. @returns its exit code. */
async function vitest(...args: readonly string[]): Promise<number | null> {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(VITEST|NODE_V8_COVERAGE|NODE_OPTIONS$|KMC_)/.test(name),
  );
  const env = {
    ...Object.fromEntries(own),
    ...{ KMC_IMPL: "exec node bin/kmc.js serve --layer 4", KMC_LAYER: "4" },
  };
  // One worker that loads everything once is enough, and cheap.
  const cheap = ["--no-cache", "--maxWorkers=1", "--no-isolate"];
  const child = spawn(process.execPath, [VITEST, "run", ...cheap, ...args], {
    ...{ cwd: PACKAGE_ROOT, env, stdio: "ignore" },
  });
  const [code] = (await once(child, "close")) as [number | null];
  return code;
}

/** The status of each test of a report, by its file and name. */
function testsIn(file: string): Record<string, string> {
  const { testResults } = JSON.parse(readFileSync(file, "utf8")) as JsonReport;
  const tests = testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ fullName, status }) => [`${name} ${fullName}`, status] as const),
  );
  return Object.fromEntries(tests.sort());
}

test("two shards, put together, are one run", { timeout: 600_000 }, async () => {
  const folder = temporaryFolder();
  const [blobs, merged, whole] = ["blobs", "merged.json", "whole.json"].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  const suites = ["--project=suites", ...SUITES];
  const json = (file: string): string[] => ["--reporter=json", `--outputFile=${file}`];

  for (const shard of ["1/2", "2/2"]) {
    const blob = join(blobs, `blob-${shard.replace("/", "-")}.json`);
    const flags = [`--shard=${shard}`, "--reporter=blob", `--outputFile=${blob}`];
    expect(await vitest(...suites, ...flags)).toBe(0);
  }
  expect(readdirSync(blobs).sort()).toEqual(["blob-1-2.json", "blob-2-2.json"]);
  expect(await vitest(`--merge-reports=${blobs}`, ...json(merged))).toBe(0);
  expect(await vitest(...suites, ...json(whole))).toBe(0);

  const tests = testsIn(merged);
  expect(tests).toEqual(testsIn(whole));
  for (const suite of SUITES) {
    expect(Object.keys(tests).some((name) => name.includes(`/${suite}`))).toBe(true);
  }
  const decisive = Object.entries(tests).filter(([name]) =>
    name.endsWith("p04.facts.flag-is-bit-0"),
  );
  expect(decisive.map(([, status]) => status)).toEqual(["passed"]);
});
