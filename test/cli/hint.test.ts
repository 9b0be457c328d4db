import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";
import { kmc } from "../support/kmc.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const before = process.cwd();

afterEach(() => {
  process.chdir(before);
});

test.each([
  { args: ["trace"], path: "fixtures/recordings/11/D.trace.gz" },
  { args: ["run", "--module"], path: "examples/typescript/generations.ts" },
  { args: ["replay"], path: "fixtures/smoke.json" },
  { args: ["show"], path: "fixtures/12-document-no-fast-invalidate/p12.facts.code-stays.json" },
])("kmc $args $path says where it is, from a folder that has none", async ({ args, path }) => {
  process.chdir(temporaryFolder());
  const { code, out, err } = await kmc(...args, path);
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(err).toMatch(/^kmc: [^\n]+; the package has it: [^\n]+\n$/);
  expect(join(process.cwd(), err.trimEnd().split("the package has it: ")[1]!)).toBe(
    join(PACKAGE_ROOT, path),
  );
});

test("what the package does not have is said to be missing, and no more", async () => {
  process.chdir(temporaryFolder());
  const { err } = await kmc("trace", "fixtures/recordings/11/no-such");
  expect(err).toBe("kmc: fixtures/recordings/11/no-such cannot be read: ENOENT\n");
});
