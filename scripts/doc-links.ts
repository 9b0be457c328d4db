import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

/** The Markdown files of a folder and of those in it, from a root. */
export function markdownIn(folder: string, root = "."): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
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

/** The relative links of a page that lead to no file, or to no heading of one. */
export function deadLinks(page: string, root = "."): string[] {
  const problems: string[] = [];
  for (const [, target] of readFileSync(join(root, page), "utf8").matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target!)) continue;
    const [path = "", anchor] = target!.split("#");
    const file = join(root, path === "" ? page : join(dirname(page), path));
    if (!existsSync(file)) problems.push(`${page}: the link to ${target!} leads nowhere`);
    else if (anchor !== undefined && statSync(file).isFile() && !anchorsOf(file).includes(anchor)) {
      problems.push(`${page}: there is no heading #${anchor} in ${file}`);
    }
  }
  return problems;
}
