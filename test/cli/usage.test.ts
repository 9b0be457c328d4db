import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";
import { kmc } from "../support/kmc.ts";
import { isRunning } from "../support/processes.ts";
import { temporaryFolder, writeFiles } from "../support/temporary-folder.ts";

const CASE = "p11.unaligned-slot.leaf-sptes-gone";

describe("a mistake of the user gets one sentence and exit code 2:", () => {
  test.each<{ args: string[]; says: string }>([
    { args: ["list", "--jsn"], says: "unknown option '--jsn' (Did you mean --json?)" },
    { args: ["list", "--quux"], says: "unknown option '--quux'" },
    { args: ["lst"], says: "unknown command 'lst' (Did you mean list?)" },
    { args: ["list", "x"], says: "too many arguments for 'list'. Expected 0 arguments but got 1." },
    { args: ["show"], says: "say what to show: a case, or --file with one of your own" },
    { args: ["diff", "10"], says: "missing required argument 'to'" },
    {
      args: ["run", "--json", "--ktap"],
      says: "--json and --ktap: only one can be printed; name files for the others",
    },
    { args: ["run", "--layer"], says: "option '--layer <n>' argument missing" },
    {
      args: ["run", "--layer", "28"],
      says: 'there is no layer "28"; expected a number from 0 to 27',
    },
    {
      args: ["run", "--layer", "-1"],
      says: 'there is no layer "-1"; expected a number from 0 to 27',
    },
    {
      args: ["source", "--layer", "x"],
      says: 'there is no layer "x"; expected a number from 0 to 27',
    },
    {
      args: ["diff", "10", "1e1"],
      says: 'there is no layer "1e1"; expected a number from 0 to 27',
    },
    {
      args: ["list", "--patch", "28"],
      says: "there is no patch 28; patches go from 0 to 27",
    },
    {
      args: ["matrix", "--patch", ""],
      says: "option '--patch <list>' argument is empty",
    },
    {
      args: ["mutants", "--patch", "0"],
      says: "there is no patch 0; patches go from 1 to 27",
    },
    { args: ["run", "--patches", "28"], says: "there is no patch 28; patches go from 1 to 27" },
    {
      args: ["run", "--patches", "1,x"],
      says: '"x" is neither a patch nor a range like 1-8 or !11',
    },
    {
      args: ["run", "--patches", "8-1"],
      says: 'the range "8-1" is empty; the lower number comes first',
    },
    {
      args: ["run", "--patches", "!3"],
      says: '"!3" leaves no patch; leave some out of a range, as in 1-27,!11',
    },
    { args: ["show", "p11.quux"], says: 'there is no case "p11.quux"; see `kmc list`' },
    {
      args: ["matrix", "--case", "p11.unaligned-slot.leaf-spte-gone"],
      says: `there is no case "p11.unaligned-slot.leaf-spte-gone"; did you mean ${CASE}?`,
    },
    {
      args: ["run", "--patch", "3", "--case", CASE],
      says: `there is no case "${CASE}" in the suite of patch 3; see \`kmc list\``,
    },
    { args: ["run", "--slips", "E2"], says: 'there is no slip "E2"; there are E1, E4, E6' },
    { args: ["run", "--slips", "E9"], says: 'there is no slip "E9"; there are E1, E4, E6' },
    {
      args: ["diff", "1", "2", "--remedies", "E1"],
      says: 'there is no remedy "E1"; there are E2, E3, E5, E7, E8',
    },
    {
      args: ["source", "--profile", "stable"],
      says: 'there is no profile "stable"; there are promised and merged',
    },
    {
      args: ["run", "--profile", "merged", "--slips", "E1"],
      says: "--profile and --slips exclude each other: a profile is a choice of slips",
    },
    {
      args: ["run", "--layer", "3", "--patches", "1-3"],
      says: "--layer and --patches exclude each other",
    },
    { args: ["document", "/no/such/mmu.txt"], says: "/no/such/mmu.txt cannot be read: ENOENT" },
    { args: ["document", "/"], says: "/ cannot be read: EISDIR" },
  ])("kmc $args", async ({ args, says }) => {
    expect(await kmc(...args)).toEqual({ code: 2, out: "", err: `kmc: ${says}\n` });
    if (args[0] === "show" || args[0] === "run") {
      expect(await kmc(...args, "--json")).toMatchObject({ code: 2, out: "" });
    }
  });

  test.each<{ args: string[]; says: string }>([
    {
      args: ["run", "-j", "0"],
      says: "option '-j, --jobs <n>' argument '0' is invalid. Expected a number from 1 to 1024.",
    },
    {
      args: ["identify", "-j", "many"],
      says: "option '-j, --jobs <n>' argument 'many' is invalid. Expected a number from 1 to 1024.",
    },
    {
      args: ["run", "--step-timeout", "1.5"],
      says: "option '--step-timeout <ms>' argument '1.5' is invalid. Expected a number from 1 to 2147483647.",
    },
    {
      args: ["run", "--impl", "x", "--module", "y"],
      says: "--impl and --module exclude each other",
    },
    { args: ["identify"], says: "say what to identify: --impl or --module" },
    { args: ["run", "--transcript", "x"], says: "--transcript needs --impl" },
    { args: ["run", "--module", "y", "--transcript", "x"], says: "--transcript needs --impl" },
    { args: ["replay", "/no/such/file"], says: "/no/such/file cannot be read: ENOENT" },
    { args: ["replay"], says: "missing required argument 'transcript'" },
    { args: ["compare", "a.json"], says: "missing required argument 'after'" },
    { args: ["run", "--html", "/"], says: "/ cannot be written: EISDIR" },
    { args: ["run", "--json", "/dev/null/x"], says: "/dev/null/x cannot be written: EEXIST" },
    {
      args: ["serve", "--layer", "28"],
      says: 'there is no layer "28"; expected a number from 0 to 27',
    },
  ])("kmc $args", async ({ args, says }) => {
    expect(await kmc(...args)).toEqual({ code: 2, out: "", err: `kmc: ${says}\n` });
  });

  test.each<{ what: string; impl: string; says: RegExp }>([
    {
      what: "a command that does not exist",
      impl: "/no/such/command",
      says: /^kmc: "\/no\/such\/command" does not introduce itself: it exited with status 127; it says: .+\n$/,
    },
    {
      what: "one that ends at once",
      impl: "exit 7",
      says: /^kmc: "exit 7" does not introduce itself: it exited with status 7\n$/,
    },
    {
      what: "one that says something else, with harmful characters",
      impl: "printf 'a\\033[2J\\nb' >&2; sleep 1; printf '\\033[2J\\r\\n'; sleep 60",
      says: /does not introduce itself: a line that is not JSON: \\x1b\[2J\\r; it says: a\\x1b\[2J \/ b\n$/,
    },
    {
      what: "one that introduces itself as nobody",
      impl: `"${process.execPath}" examples/broken/no-introduction.mjs`,
      says: /does not introduce itself: in the answer to request \d+ \(initialize\), must have/,
    },
  ])("$what", async ({ impl, says }) => {
    for (const command of ["run", "identify"]) {
      const { code, out, err } = await kmc(command, "--impl", impl, "-j", "2");
      expect({ code, out }).toEqual({ code: 2, out: "" });
      expect(err).toMatch(says);
      // eslint-disable-next-line no-control-regex
      expect(err).toMatch(/^[^\n\u001b]+\n$/);
    }
  });

  test("an implementation of which only one process can start: no other is left", async () => {
    const folder = temporaryFolder();
    writeFiles(folder, {
      "once.mjs": `
import { mkdirSync, writeFileSync } from "node:fs";
import { speak } from ${JSON.stringify(join(PACKAGE_ROOT, "examples/broken/speak.mjs"))};
mkdirSync(${JSON.stringify(join(folder, "lock"))});
writeFileSync(${JSON.stringify(join(folder, "pid"))}, String(process.pid));
speak();
`,
    });
    const impl = `"${process.execPath}" "${join(folder, "once.mjs")}"`;
    const patient = ["--step-timeout", "60000"];
    const { code, err } = await kmc("run", "--impl", impl, "-j", "2", ...patient);
    expect(code).toBe(2);
    expect(err).toMatch(/^[^\n]* does not introduce itself: it exited with status 1; [^\n]*\n$/);
    const pid = Number(readFileSync(join(folder, "pid"), "utf8"));
    await vi.waitFor(() => {
      expect(isRunning(pid)).toBe(false);
    }, 5000);
  });

  test.each<{ what: string; text: string | null; says: string }>([
    { what: "is not there", text: null, says: " cannot be loaded: " },
    { what: "does not compile", text: "export {", says: " cannot be loaded: " },
    { what: "throws", text: "throw 'it\\nself';", says: " cannot be loaded: it\n" },
    {
      what: "has no default export",
      text: "export const a = 1;",
      says: " has no default export made by defineImplementation\n",
    },
    {
      what: "has another default export",
      text: "export default { name: 'a' };",
      says: " has no default export made by defineImplementation\n",
    },
    {
      what: "does not say who it is",
      text: "export default { name: 'a', create() {} };",
      says: ", in its default export: must have required property 'version'\n",
    },
  ])("a module that $what", async ({ text, says }) => {
    const folder = temporaryFolder();
    const file = join(folder, "mine.mjs");
    if (text !== null) writeFiles(folder, { "mine.mjs": text });
    const { code, out, err } = await kmc("run", "--module", file);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err.startsWith(`kmc: ${file}${says}`)).toBe(true);
    expect(err).toMatch(/^[^\n]+\n$/);
  });

  test("a set that leaves out what another patch needs names both, and why", async () => {
    const { code, out, err } = await kmc("run", "--patches", "1-27,!9");
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(/^kmc: patch 11 needs patch 9, which is left out: .+\n$/);
  });

  test("a report that cannot be written, before any work is done", async () => {
    const folder = temporaryFolder();
    writeFiles(folder, { file: "" });
    const out = join(folder, "file", "report");
    expect(await kmc("start", "--out", out)).toEqual({
      ...{ code: 2, out: "" },
      err: `kmc: the folder ${out} cannot be made: ENOTDIR\n`,
    });
  });
});

test("help is no mistake when asked for; without a command it comes with exit code 2", async () => {
  const asked = await kmc("--help");
  expect(asked).toMatchObject({ code: 0, err: "" });
  expect(asked.out).toContain("Usage: kmc [options] [command]");
  expect(await kmc()).toMatchObject({ code: 2, out: "" });
});

test("the version is that of the package", async () => {
  const text = readFileSync(join(PACKAGE_ROOT, "package.json"), "utf8");
  const { version } = JSON.parse(text) as { version: string };
  expect(await kmc("--version")).toEqual({ code: 0, out: `${version}\n`, err: "" });
});
