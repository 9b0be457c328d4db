import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { kmc } from "../../support/kmc.ts";
import { temporaryFolder, writeFiles } from "../../support/temporary-folder.ts";

/** Nothing of the host is found, but what a test puts into the folder. */
let folder: string;

beforeEach(() => {
  folder = temporaryFolder();
  const { PATH, XDG_CACHE_HOME } = process.env;
  process.env["PATH"] = folder;
  process.env["XDG_CACHE_HOME"] = join(folder, "cache");
  onTestFinished(() => {
    process.env["PATH"] = PATH;
    if (XDG_CACHE_HOME === undefined) delete process.env["XDG_CACHE_HOME"];
    else process.env["XDG_CACHE_HOME"] = XDG_CACHE_HOME;
  });
  writeFiles(folder, { bzImage: `${"\0".repeat(0x202)}HdrS` });
});

/** Puts programs there that do nothing, and do it well. */
function install(...programs: readonly string[]): void {
  for (const program of programs) symlinkSync("/bin/true", join(folder, program));
}

const INSTALLED: readonly (readonly [string, readonly string[], string])[] = [
  ["QEMU", [], "qemu-system-x86_64, which the kernel runs in; Debian has it in the package qemu"],
  ["a compiler", ["qemu-system-x86_64"], "there is no cc, which "],
];

test.each(INSTALLED)("a host without %s is told what to install", async (_, installed, says) => {
  install(...installed);
  const { code, err } = await kmc("kernel", "--image", join(folder, "bzImage"));
  expect(code).toBe(2);
  expect(err).toContain(says);
  expect(err.trimEnd().split("\n")).toHaveLength(1);
});

test("a host that is no Debian is told to name a kernel", async () => {
  install("qemu-system-x86_64", "cc");
  const { code, err } = await kmc("kernel");
  expect(code).toBe(2);
  expect(err).toContain("there is no apt-get, which downloads Debian's kernel (or name another");
});
