import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { kmc } from "../support/kmc.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** A folder with something that begins as a bzImage does. */
function withImage(): string {
  const folder = temporaryFolder();
  const content = Buffer.alloc(0x400);
  content.write("HdrS", 0x202, "latin1");
  writeFileSync(join(folder, "bzImage"), content);
  return folder;
}

test.each([
  { args: ["--image", "README.md"], says: "README.md is no bzImage: make bzImage leaves one" },
  { args: ["--image", "nowhere"], says: "nowhere cannot be read: ENOENT" },
  { args: ["--image", "docs"], says: "docs is not a file" },
  { args: ["--image", "HERE/bzImage", "--modules", "HERE"], says: "has no module kvm.ko" },
  { args: ["--image", "HERE/bzImage", "--modules", "nowhere"], says: "there is no folder nowhere" },
  { args: ["--modules", "docs"], says: "--modules needs --image" },
  { args: ["--npt", "2"], says: "argument '2' is invalid. Expected 0 or 1." },
  { args: ["--trace-control", "nowhere/file"], says: "nowhere/file cannot be written: ENOENT" },
  { args: ["--identify", "--layer", "3"], says: "--identify and --layer exclude each other" },
])("kmc kernel $args: $says", async ({ args, says }) => {
  const folder = withImage();
  const { code, err } = await kmc("kernel", ...args.map((word) => word.replace("HERE", folder)));
  expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(says) as string });
  expect(err.trimEnd().split("\n")).toHaveLength(1);
});
