import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { exitCodeOf } from "../../src/cli/commands/run.ts";
import type { Verdict } from "../../src/conformance/run-cases.ts";
import { SHOUTED } from "../../src/report/run-text.ts";
import { commandsOf } from "../../scripts/doc-commands.ts";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";
import { kmc } from "../support/kmc.ts";
import { aReport, aResult } from "../support/results.ts";

const PAGE = readFileSync(join(PACKAGE_ROOT, "docs/testing.md"), "utf8");

describe("docs/testing.md", () => {
  /** The rows of the table of verdicts: what `run` exits with. */
  const told = [...PAGE.matchAll(/^\| `([a-z-]+)` +\|[^|]*\| ([0-9][^|]*?) +\|$/gm)].map(
    ([, verdict, exits]) => [verdict as Verdict, exits!] as const,
  );

  test("has every verdict", () => {
    expect(told.map(([verdict]) => verdict).sort()).toEqual(Object.keys(SHOUTED).sort());
  });

  test.each(told)("says what `run` exits with after %s: %s", (verdict, exits) => {
    const withResults = (...verdicts: Verdict[]): number =>
      exitCodeOf(aReport(verdicts.map((each) => aResult({ verdict: each }))));
    const seen = new Set([withResults("conforms", verdict), withResults(verdict)]);
    expect([...seen].join(", or ")).toBe(exits);
  });

  test("shows a failure as it is printed", async () => {
    const [, shown] = /^```text\n(FAILS [\s\S]*?)^```/m.exec(PAGE)!;
    const { args } = commandsOf(PAGE).find(({ exits }) => exits === 1)!;
    const { code, out } = await kmc(...args, "--step-timeout", "60000", "--jobs", "1");
    expect(code).toBe(1);
    expect(out).toContain(shown);
  });
});
