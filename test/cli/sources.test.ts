import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";
import { temporaryFolder, writeFiles } from "../support/temporary-folder.ts";

const PROGRAM = join(PACKAGE_ROOT, "bin/kmc.js");

/** What `node` prints in a folder that knows nothing of this checkout. */
function node(...args: readonly string[]) {
  const cwd = temporaryFolder();
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: "utf8" });
  return { status, stdout, stderr };
}

/** A checkout whose tool says this. */
function checkout(text: string): string {
  const folder = temporaryFolder();
  for (const name of ["bin", "scripts", "package.json", "tsconfig.json"]) {
    cpSync(join(PACKAGE_ROOT, name), join(folder, name), { recursive: true });
  }
  symlinkSync(join(PACKAGE_ROOT, "node_modules"), join(folder, "node_modules"));
  mkdirSync(join(folder, "src/cli"), { recursive: true });
  say(folder, text);
  return folder;
}

function say(folder: string, text: string): void {
  writeFiles(join(folder, "src"), { "text.ts": `export const text: string = "${text}";` });
  const main = `import { text } from "../text.ts";\nconsole.log(text satisfies string);`;
  writeFiles(join(folder, "src/cli"), { "main.ts": main });
}

test("the tool runs from any folder and through a link, without a warning", () => {
  const link = join(temporaryFolder(), "kmc");
  symlinkSync(PROGRAM, link);
  const expected = { status: 0, stdout: expect.stringMatching(/^0\.\d/) as string, stderr: "" };
  expect(node(PROGRAM, "--version")).toEqual(expected);
  expect(node(link, "--version")).toEqual(expected);
});

test("so does a module in TypeScript of the user's", () => {
  const module = join(PACKAGE_ROOT, "examples/broken/zaps-everything.ts");
  const args = [
    "run",
    "--module",
    module,
    "--layer",
    "27",
    "--case",
    "p03.in-flux.read-faults-twice",
  ];
  expect(node(PROGRAM, ...args)).toMatchObject({ status: 0, stderr: "" });
});

test("so does a script", () => {
  const folder = temporaryFolder();
  const text = 'const text: string = "said";\nconsole.log(text);\n';
  writeFiles(folder, { "package.json": { type: "module" }, "script.ts": text });
  const file = join(folder, "script.ts");
  const register = join(PACKAGE_ROOT, "scripts/register.js");
  expect(node("--import", register, file)).toEqual({ status: 0, stdout: "said\n", stderr: "" });
});

test("what has changed in the sources is so at once", () => {
  const folder = checkout("one");
  const tool = join(folder, "bin/kmc.js");
  expect(node(tool)).toEqual({ status: 0, stdout: "one\n", stderr: "" });
  say(folder, "two");
  expect(node(tool)).toEqual({ status: 0, stdout: "two\n", stderr: "" });
});

test("a checkout that cannot be written to is no obstacle", () => {
  const folder = checkout("said");
  writeFileSync(join(folder, ".compiled"), "a file where a folder would be");
  expect(node(join(folder, "bin/kmc.js"))).toEqual({ status: 0, stdout: "said\n", stderr: "" });
});
