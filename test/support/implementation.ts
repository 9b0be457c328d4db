import { join } from "node:path";
import { expect } from "vitest";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";
import { isRunning } from "./processes.ts";
import { temporaryFolder, writeFiles } from "./temporary-folder.ts";

/** Examples of implementations that are wrong, each in one way. */
export const EXAMPLES = join(PACKAGE_ROOT, "examples/broken");

/** The command of an implementation that is right but for what is said here: JavaScript. */
export function implementation(code: string): string {
  const folder = temporaryFolder();
  const speak = JSON.stringify(join(EXAMPLES, "speak.mjs"));
  const text = `import { isAccess, line, speak, write } from ${speak};\n${code}`;
  writeFiles(folder, { "implementation.mjs": text });
  return `exec node "${join(folder, "implementation.mjs")}"`;
}

/** A process is gone, or is about to be. */
export async function expectGone(pid: number): Promise<void> {
  expect(pid).toBeGreaterThan(0);
  await expect.poll(() => isRunning(pid), { timeout: 20_000 }).toBe(false);
}
