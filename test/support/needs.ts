import { spawnSync } from "node:child_process";
import { describe, test } from "vitest";

/** What Debian calls the package of a program. */
const PACKAGES: Readonly<Record<string, string>> = { cc: "gcc" };

export const isThere = (program: string): boolean =>
  spawnSync(program, ["--version"]).error === undefined;

/**
 * Tests that need a program besides Node.js. Where it is missing they are one test that is skipped,
 * or fails if everything is required (CI).
 */
export function describeWith(program: string, name: string, tests: () => void): void {
  if (isThere(program)) describe(name, tests);
  else if ((process.env["CI"] ?? "") === "") {
    test.skip(`${name}: there is no ${program} (Debian package ${PACKAGES[program] ?? program})`);
  } else {
    test(name, () => {
      throw new Error(`${program} is required here`);
    });
  }
}
