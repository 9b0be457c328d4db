/**
 * All checks, in the order in which a mistake is cheapest to find: format, lint, types, generated
 * files, dependency rules, package, documentation, tests with coverage. Tells how each goes and ends
 * with `N passed, N failed`. With --quick only types, the smoke list, and the tests of what has
 * changed since the last commit.
 */
import { availableParallelism } from "node:os";
import { THROUGH_VITEST } from "../vitest.projects.ts";
import { type Check, Run } from "./run-checks.ts";

/** How often it is told how far it is, if that is not seen on a terminal, in milliseconds. */
const INTERVAL = 30_000;

const check = (name: string, ...command: Check["command"]): Check => ({ name, command });

const script = (name: string, file: string, ...args: readonly string[]): Check =>
  check(name, process.execPath, "--import", "./scripts/register.js", `scripts/${file}.ts`, ...args);

const tests = (name: string, ...args: readonly string[]): Check => ({
  ...check(name, "vitest", "run", "--reporter=dot", "--reporter=./scripts/tell-tests.ts", ...args),
  tests: true,
});

const TYPES = check("types", process.execPath, "node_modules/typescript-7/bin/tsc", "-p", ".");

const ALL = [
  check("format", "prettier", "--check", "--log-level=warn", "."),
  check("lint", "eslint", "."),
  TYPES,
  check("types of the site", "vue-tsc", "-p", "docs/.vitepress"),
  script("generated types", "generate-types", "--check"),
  script("generated docs", "generate-reference", "--check"),
  script("pages", "lock-pages", "--check"),
  script("meanings of cases", "lock-cases", "--check"),
  script("smoke list", "lock-smoke", "--check"),
  check(
    ...(["dependency rules", "depcruise", "src", "suites", "scripts"] as const),
    ...["--config", ".dependency-cruiser.cjs"],
  ),
  script("package", "check-package"),
  script("documentation", "check-docs"),
  // It downloads Node.js.
  ...((process.env["CI"] ?? "") === "" ? [] : [script("oldest and newest Node.js", "check-nodes")]),
];

const QUICK = [
  TYPES,
  check("smoke list", process.execPath, "bin/kmc.js", "run", "--smoke"),
  tests("tests of what has changed", "--changed", "--passWithNoTests", "--project=!browser"),
];

const TESTS = [
  tests("tests of the reference, with coverage", "--coverage", ...THROUGH_VITEST),
  tests("all other tests", "--config=vitest.compiled.config.ts"),
];

const isQuick = process.argv.includes("--quick");
if (isQuick) process.env["KMC_QUICK"] = "1";
const [small, long] = isQuick ? [QUICK, []] : [ALL, TESTS];

const early = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    early.abort();
  });
}

const run = new Run(small.length + long.length, {
  out: process.stdout,
  interval: INTERVAL,
  signal: early.signal,
});
await run.checks(small, availableParallelism());
// Each has all cores.
await run.checks(long, 1);
run.end();
process.exitCode = run.totals.failed > 0 ? 1 : early.signal.aborted ? 3 : 0;
