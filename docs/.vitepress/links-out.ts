import { cpSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, posix, relative, resolve } from "node:path";
import type { MarkdownRenderer } from "vitepress";

/**
 * Links out of `docs/`, to sources, cases and examples: the site has copies of what they lead to, so
 * that it is whole without any other host.
 */

const ROOT = resolve(import.meta.dirname, "../..");
const FOLDER = "files";

/** What links lead to, from the root of the package. */
const linked = new Set<string>();

/** Lets links out of `docs/` lead to the copies. */
export function linksOut(md: MarkdownRenderer): void {
  md.core.ruler.push("links_out", ({ tokens, env }) => {
    const { path } = env as { path?: string };
    if (path === undefined) return;
    const links = tokens
      .flatMap(({ children }) => children ?? [])
      .filter(({ type }) => type === "link_open");
    for (const link of links) {
      const [target = ""] = (link.attrGet("href") ?? "").split("#");
      if (!target.startsWith(".")) continue;
      const file = relative(ROOT, resolve(dirname(path), target));
      if (file.startsWith("docs/")) continue;
      linked.add(file);
      link.attrSet("href", `/${FOLDER}/${placeOf(file)}`);
      link.attrSet("target", "_self");
    }
  });
}

/** Copies what the pages link to. @param site folder of the built site */
export function copyLinked(site: string): void {
  for (const file of linked) copy(file, join(site, FOLDER));
}

function copy(file: string, to: string): void {
  const place = join(to, placeOf(file));
  mkdirSync(dirname(place), { recursive: true });
  if (!isFolder(file)) {
    cpSync(join(ROOT, file), place);
    return;
  }
  const names = readdirSync(join(ROOT, file)).filter((name) => name !== "node_modules");
  for (const name of names) copy(join(file, name), to);
  writeFileSync(place, indexOf(file, names));
}

/** Where the copy of a file is. Browsers show as text what ends in `.txt`, and sources nowhere else. */
function placeOf(file: string): string {
  if (isFolder(file)) return posix.join(file, "index.html");
  return /\.(json|gz|html)$/.test(file) ? file : `${file}.txt`;
}

const isFolder = (file: string): boolean => statSync(join(ROOT, file)).isDirectory();

function indexOf(folder: string, names: readonly string[]): string {
  const items = names.map((name) => {
    const place = posix.relative(folder, placeOf(posix.join(folder, name)));
    return `<li><a href="${place}">${name}</a></li>`;
  });
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>${folder}</title>
<h1>${folder}</h1>
<ul>
${items.join("\n")}
</ul>
`;
}
