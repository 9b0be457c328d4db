import { readdirSync } from "node:fs";
import type { TestProjectConfiguration } from "vitest/config";

/** Files that take long, the longest first: they begin first, and a quick check leaves them out. */
export const LONG_TESTS = [
  "test/adapters/kernel/wrap.test.ts",
  "test/adapters/kernel/machine.test.ts",
  "test/adapters/kernel/hangs.test.ts",
  "test/adapters/kernel/debian.test.ts",
  "test/browser/pages.test.ts",
  "test/explore/obligations.test.ts",
  "suites/00-every-layer/random.test.ts",
  "suites/00-every-layer/identify.test.ts",
  "test/browser/stepper.test.ts",
  "suites/00-every-layer/interleavings.test.ts",
  "test/explore/search.test.ts",
  "test/examples/shards.test.ts",
  "test/explore/witness-replay.test.ts",
  "suites/recordings/recordings.test.ts",
  "test/cli/deviations.test.ts",
  "test/reference/generations.test.ts",
];

/**
 * Those that import the sources through Vitest: what coverage is judged by, and what mocks modules.
 * All others may import them as Node.js runs them (vitest.compiled.config.ts).
 */
export const THROUGH_VITEST = [
  "test/reference/",
  ...readdirSync(new URL("suites", import.meta.url))
    .filter((name) => /^\d\d-/.test(name) && !name.startsWith("00-"))
    .map((name) => `suites/${name}/`),
  "test/cli/identify.test.ts",
  "test/cli/start.test.ts",
  // It loads a module in TypeScript.
  "test/examples/typescript.test.ts",
];

/** All tests but those of some folders and files. */
export function projects(without: readonly string[] = []): TestProjectConfiguration[] {
  const exclude = without.map((path) => (path.endsWith("/") ? `${path}**` : path));
  return [
    {
      extends: true,
      test: {
        name: "unit",
        include: ["test/**/*.test.ts"],
        exclude: ["test/browser/**", ...exclude],
      },
    },
    {
      extends: true,
      // Pure functions of their inputs: what one file has loaded serves the next.
      test: { name: "suites", include: ["suites/**/*.test.ts"], exclude, isolate: false },
    },
    {
      extends: true,
      test: {
        name: "browser",
        include: ["test/browser/**/*.test.ts"],
        exclude,
        globalSetup: "test/support/site-setup.ts",
      },
    },
  ];
}
