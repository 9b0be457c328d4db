/**
 * All checks, in the order in which a mistake is cheapest to find: format, lint, types, generated
 * files, dependency rules, tests with coverage, documentation. Prints how each went and ends with
 * `N passed, N failed`.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

const totals: Counts = { passed: 0, failed: 0, skipped: 0 };

/** Runs one check; its output is shown only when it fails. */
function check(name: string, command: string, args: readonly string[]): void {
  const started = Date.now();
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  const ok = status === 0;
  tell(name, ok, started);
  if (ok) totals.passed++;
  else {
    totals.failed++;
    process.stdout.write(`${stdout}${stderr}\n`);
  }
}

function tell(name: string, ok: boolean, started: number, more = ""): void {
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  process.stdout.write(`${ok ? "ok    " : "FAILED"} ${name} (${seconds} s)${more}\n`);
}

/** Runs the tests with coverage and adds up what they report. */
function tests(): void {
  const started = Date.now();
  const folder = mkdtempSync(join(tmpdir(), "kmc-check-"));
  const report = join(folder, "tests.json");
  const args = [
    "vitest",
    "run",
    "--coverage",
    "--reporter=dot",
    "--reporter=json",
    `--outputFile.json=${report}`,
  ];
  const { status, stdout, stderr } = spawnSync("npx", args, {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  let counts: Counts;
  try {
    const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(
      readFileSync(report, "utf8"),
    ) as Record<string, number>;
    counts = {
      passed: numPassedTests ?? 0,
      failed: numFailedTests ?? 0,
      skipped: numPendingTests ?? 0,
    };
  } catch {
    counts = { passed: 0, failed: 1, skipped: 0 };
  }
  rmSync(folder, { recursive: true });
  // A crash or a missed coverage threshold fails the run though every test has passed.
  if (status !== 0 && counts.failed === 0) counts.failed = 1;
  totals.passed += counts.passed;
  totals.failed += counts.failed;
  totals.skipped += counts.skipped;
  const ok = counts.failed === 0;
  tell("tests with coverage", ok, started, `: ${counts.passed} passed, ${counts.failed} failed`);
  if (!ok) process.stdout.write(`${stdout.slice(-20_000)}${stderr.slice(-20_000)}\n`);
}

const source = ["--import", "./scripts/register.js"];
check("format", "npx", ["prettier", "--check", "--log-level=warn", "."]);
check("lint", "npx", ["eslint", "."]);
check("types", process.execPath, ["node_modules/typescript-7/bin/tsc", "-p", "."]);
check("types of the site", "npx", ["vue-tsc", "-p", "docs/.vitepress"]);
check("generated types", process.execPath, [...source, "scripts/generate-types.ts", "--check"]);
check("generated docs", process.execPath, [...source, "scripts/generate-reference.ts", "--check"]);
check("pages", process.execPath, [...source, "scripts/lock-pages.ts", "--check"]);
check("meanings of cases", process.execPath, [...source, "scripts/lock-cases.ts", "--check"]);
check("smoke list", process.execPath, [...source, "scripts/lock-smoke.ts", "--check"]);
check("dependency rules", "npx", [
  "depcruise",
  "src",
  "suites",
  "scripts",
  "--config",
  ".dependency-cruiser.cjs",
]);
tests();
check("package", process.execPath, [...source, "scripts/check-package.ts"]);
check("documentation", process.execPath, [...source, "scripts/check-docs.ts"]);

const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : "";
process.stdout.write(`${totals.passed} passed, ${totals.failed} failed${skipped}\n`);
process.exitCode = totals.failed > 0 ? 1 : 0;
