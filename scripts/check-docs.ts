/**
 * Checks the documentation: every relative link leads to a file (and heading), and every `npx kmc`
 * command in a shell block does what a reader would expect: it ends with exit code 0, or with the
 * one that the line before names (`# exits 1`).
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

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

function checkCommands(page: string, text: string): void {
  for (const [, block] of text.matchAll(/^```sh\n([\s\S]*?)^```/gm)) {
    let expected = 0;
    for (const line of block!.split("\n")) {
      const announced = /^# exits (\d)/.exec(line);
      if (announced !== null) expected = Number(announced[1]);
      if (!line.startsWith("npx kmc ")) continue;
      const args = line
        .slice("npx kmc ".length)
        .replace(/ +#.*$/, "")
        .split(" ");
      const { status, stderr } = spawnSync(process.execPath, ["bin/kmc.js", ...args], {
        encoding: "utf8",
      });
      if (status !== expected) {
        problems.push(
          `${page}: \`${line}\` ends with ${String(status)}, not ${expected}: ${stderr.trim()}`,
        );
      }
      expected = 0;
    }
  }
}

for (const page of pages) {
  const text = readFileSync(page, "utf8");
  checkLinks(page, text);
  checkCommands(page, text);
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
