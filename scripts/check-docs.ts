/**
 * Checks the documentation: every relative link leads to a file (and heading), every case or mutant
 * that is named is there, and every `npx kmc` command in a shell block does what a reader would
 * expect: it ends with exit code 0, or with the one that the line before names (`# exits 1`). The
 * commands of the examples need more than Node.js; the tests of the examples check what they say.
 */
import { spawn } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { mutants } from "../src/reference/mutants/index.ts";
import { loadCases } from "../src/scenario/load-cases.ts";
import { commandsOf } from "./doc-commands.ts";

const problems: string[] = [];
const pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...markdownIn("docs")];

function markdownIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(folder, name));
}

/** The anchor that a heading gets. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .trim()
    .replaceAll(" ", "-");

function anchorsOf(page: string): string[] {
  const headings = readFileSync(page, "utf8").matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, heading]) => anchorOf(heading!));
}

function checkLinks(page: string, text: string): void {
  for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target!)) continue;
    const [path = "", anchor] = target!.split("#");
    const file = path === "" ? page : join(dirname(page), path);
    if (!existsSync(file)) problems.push(`${page}: the link to ${target!} leads nowhere`);
    else if (anchor !== undefined && statSync(file).isFile() && !anchorsOf(file).includes(anchor)) {
      problems.push(`${page}: there is no heading #${anchor} in ${file}`);
    }
  }
}

/** Ids of cases, witnesses and mutants. */
const known = new Set([
  ...loadCases().map(({ id }) => id),
  ...readdirSync("fixtures/witnesses").map((name) => name.replace(/\.json$/, "")),
  ...mutants.map(({ id }) => id),
]);

function checkIds(page: string, text: string): void {
  for (const [, id] of text.matchAll(/`((?:p\d\d|E\d)\.[\w.-]+)`/g)) {
    if (!known.has(id!)) problems.push(`${page}: there is no case or mutant ${id!}`);
  }
}

/** A folder that has all that is here: what commands write stays out of the checkout. */
function standIn(): string {
  const folder = mkdtempSync(join(tmpdir(), "kmc-docs-"));
  for (const name of readdirSync(".")) symlinkSync(resolve(name), join(folder, name));
  return folder;
}

/** Runs the commands of a page, one after the other: one may read what another wrote. */
async function checkCommands(page: string): Promise<void> {
  const commands = commandsOf(readFileSync(page, "utf8"));
  if (commands.length === 0) return;
  const cwd = standIn();
  for (const { line, args, exits } of commands) {
    const { status, stderr } = await run(args, cwd);
    if (status === exits) continue;
    const problem = `ends with ${String(status)}, not ${exits}: ${stderr.trim()}`;
    problems.push(`${page}: \`${line}\` ${problem}`);
  }
  rmSync(cwd, { recursive: true });
}

function run(args: readonly string[], cwd: string) {
  const child = spawn(process.execPath, ["bin/kmc.js", ...args], {
    cwd,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  return new Promise<{ status: number | null; stderr: string }>((resolve) => {
    child.on("close", (status) => {
      resolve({ status, stderr });
    });
  });
}

for (const page of [...pages, ...markdownIn("examples"), ...markdownIn("bench")]) {
  const text = readFileSync(page, "utf8");
  checkLinks(page, text);
  checkIds(page, text);
}
const rest = [...pages];
await Promise.all(
  Array.from({ length: availableParallelism() }, async () => {
    for (let page = rest.shift(); page !== undefined; page = rest.shift())
      await checkCommands(page);
  }),
);
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
