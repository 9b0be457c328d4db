import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Check, Run, type Telling, type TestMessage } from "../../scripts/run-checks.ts";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";
import { temporaryFolder, writeFiles } from "../support/temporary-folder.ts";

interface How {
  readonly isTTY?: boolean;
  readonly interval?: number;
  /** When this has been said, `then` is done, once. */
  readonly when?: RegExp;
  readonly then?: () => void;
  readonly signal?: AbortSignal;
}

/** Runs checks side by side, and collects what is told. */
async function ran(checks: readonly Check[], how: How = {}) {
  const { isTTY = false, interval = 600_000, when, signal } = how;
  let { then } = how;
  let said = "";
  const write = (text: string): boolean => {
    said += text;
    if (when?.test(said) === true) {
      then?.();
      then = undefined;
    }
    return true;
  };
  const out = { write, isTTY, columns: 40 } as Telling["out"];
  const run = new Run(checks.length, { out, interval, ...(signal && { signal }) });
  await run.checks(checks, checks.length);
  run.end();
  return { said, lines: said.replace(/\d+ s\b/g, "0 s").split("\n"), totals: run.totals };
}

/** A check that is a script. */
const node = (name: string, script: string): Check => ({
  ...{ name, command: [process.execPath, "-e", script] },
});

const GOOD = node("good", "");
const BAD = node("bad", 'console.error("what is wrong"); process.exitCode = 1;');

/** A check that ends when `open` is called. */
function gated(messages: readonly TestMessage[] = [], status = 0) {
  const file = join(temporaryFolder(), "open");
  const script = `for (const message of ${JSON.stringify(messages)}) process.send(message);
    setInterval(() => {
      if (require("node:fs").existsSync(${JSON.stringify(file)})) process.exit(${status});
    }, 20);`;
  const open = (): void => {
    writeFileSync(file, "");
  };
  return {
    slow: node("slow", script),
    tests: { ...node("tests", script), tests: true },
    open,
  } as const;
}

describe("checks side by side", () => {
  test("end with how many passed", async () => {
    const { lines } = await ran([GOOD, { ...GOOD, name: "other" }]);
    expect(lines.slice(0, 2).sort()).toEqual(["ok     good (0 s)", "ok     other (0 s)"]);
    expect(lines.slice(2)).toEqual(["2 passed, 0 failed", ""]);
  });

  test("tell of a failure when it happens, with what was said", async () => {
    const { slow, open } = gated();
    const { lines } = await ran([slow, BAD], { when: /FAILED bad/, then: open });
    expect(lines).toEqual([
      ...["FAILED bad (0 s)", "what is wrong", "", "ok     slow (0 s)"],
      ...["1 passed, 1 failed", ""],
    ]);
  });

  test("a program that is not there is a failure", async () => {
    const { said, totals } = await ran([{ name: "gone", command: ["no-such-program"] }]);
    expect(totals).toEqual({ passed: 0, failed: 1, skipped: 0 });
    expect(said).toContain("ENOENT");
  });

  test("say how far they are, again and again, in lines of a pipe", async () => {
    const { slow, open } = gated();
    const how = { interval: 50, when: /(checks[^]*){3}/, then: open };
    const { lines } = await ran([slow], how);
    expect(lines.slice(0, 2)).toEqual(Array(2).fill("       0 of 1 checks, 0 s; slow 0 s"));
  });

  test("say it on a terminal in one line that fits and is written over", async () => {
    const { slow, open } = gated();
    const long = { ...slow, name: "a name that is longer than the terminal is wide" };
    const { said } = await ran([long], { isTTY: true, when: /(checks[^]*){3}/, then: open });
    const parts = said.split("\r\u001b[2K").slice(1);
    expect(parts[0]).toBe("       0 of 1 checks, 0 s; a name that is longer".slice(0, 39));
    expect(parts.at(-1)).toBe("1 passed, 0 failed\n");
  });

  test("that are ended early say what was done", async () => {
    const early = new AbortController();
    const { tests } = gated([{ files: 3 }, { result: "passed" }]);
    const { lines, totals } = await ran([GOOD, tests], {
      ...{ interval: 50, signal: early.signal, when: /1 of 2 checks.*1 passed/ },
      then: () => {
        early.abort();
      },
    });
    expect(lines).toContain("ok     good (0 s)");
    expect(lines.slice(-4)).toEqual([
      "ended  tests (0 s): 0 of 3 files, 1 passed, 0 failed",
      ...["ended after 0 s, 1 of 2 checks done", "2 passed, 0 failed", ""],
    ]);
    expect(totals).toEqual({ passed: 2, failed: 0, skipped: 0 });
  });
});

describe("tests", () => {
  const [a, b] = ["test/a.test.ts", "test/b.test.ts"] as const;

  test("are told while they run: how many, where, and what fails", async () => {
    const { tests, open } = gated(
      [
        ...([
          { files: 2 },
          { begun: a },
          { begun: b },
          { result: "passed" },
          { ended: a },
        ] as const),
        ...([{ result: "failed", failure: `${b} > sums up` }, { result: "skipped" }] as const),
      ],
      1,
    );
    const when =
      /FAILED test\/b.test.ts > sums up\n(.*\n)* .*1 of 2 files, 1 passed, 1 failed, test\/b/;
    const { totals } = await ran([tests], { interval: 50, when, then: open });
    expect(totals).toEqual({ passed: 1, failed: 1, skipped: 1 });
  });

  test("that have passed are one failure when the run has failed: coverage, or a crash", async () => {
    const { tests, open } = gated([{ files: 1 }, { result: "passed" }], 1);
    const { totals } = await ran([tests], { interval: 50, when: /1 passed/, then: open });
    expect(totals).toEqual({ passed: 1, failed: 1, skipped: 0 });
  });

  test("of vitest are told by its reporter", async () => {
    const folder = temporaryFolder();
    symlinkSync(join(PACKAGE_ROOT, "node_modules"), join(folder, "node_modules"));
    const head = 'import { expect, test } from "vitest";\n';
    writeFiles(folder, {
      "sum.test.ts": `${head}test("right", () => {});\ntest.skip("later", () => {});
        test("wrong", () => { expect(1 + 1).toBe(3); });`,
      "broken.test.ts": 'throw new Error("it cannot be loaded");',
    });
    const reporter = join(PACKAGE_ROOT, "scripts/tell-tests.ts");
    const args = ["run", `--root=${folder}`, "--reporter=dot", `--reporter=${reporter}`];
    const { said, totals } = await ran([
      { name: "tests", command: ["vitest", ...args], tests: true },
    ]);
    expect(said).toMatch(/FAILED \S*sum\.test\.ts > wrong\n {7}expected 2 to be 3/);
    expect(said).toMatch(/FAILED \S*broken\.test\.ts\n {7}it cannot be loaded/);
    expect(totals).toEqual({ passed: 1, failed: 2, skipped: 1 });
  });
});
