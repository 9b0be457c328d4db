import { spawnSync } from "node:child_process";
import { describe, test } from "vitest";

/** What Debian calls the package of a program. */
const PACKAGES: Readonly<Record<string, string>> = {
  cc: "gcc",
  "qemu-system-x86_64": "qemu-system-x86",
  "apt-get": "apt",
};

export const isThere = (program: string): boolean =>
  spawnSync(program, ["--version"]).error === undefined;

/**
 * Tests that need programs besides Node.js. Where one is missing they are one test that is skipped,
 * or fails if everything is required (CI).
 */
export function describeWith(
  programs: string | readonly string[],
  name: string,
  tests: () => void,
): void {
  const missing = [programs].flat().find((program) => !isThere(program));
  if (missing === undefined) describe(name, tests);
  else if ((process.env["CI"] ?? "") === "") {
    const debianPackage = PACKAGES[missing] ?? missing;
    test.skip(`${name}: there is no ${missing} (Debian package ${debianPackage})`);
  } else {
    test(name, () => {
      throw new Error(`${missing} is required here`);
    });
  }
}
