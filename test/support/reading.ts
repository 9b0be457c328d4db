import { createRequire } from "node:module";
import { gzipSync } from "node:zlib";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** Parts of a page to look at, or to leave out, as selectors. */
export type Parts = { readonly include: string[] } | { readonly exclude: string[] };

/** All rules, or all but the one about contrasts, which takes as long as the rest together. */
export type Rules = "all" | "without contrasts";

/** What axe finds that keeps people from reading a page, or parts of it: rule, and where. */
export async function barriers(page: Page, parts: Parts, rules: Rules = "all"): Promise<string[]> {
  await page.addScriptTag({ path: AXE });
  const options = {
    resultTypes: ["violations"],
    rules: { "color-contrast": { enabled: rules === "all" } },
  };
  const { violations } = await page.evaluate<AxeResults>(
    `axe.run(${JSON.stringify(parts)}, ${JSON.stringify(options)})`,
  );
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(" ")}`));
}

/** What is wider than the page, in CSS pixels; 0 if one need not scroll to the side. */
export const overhang = (page: Page): Promise<number> =>
  page.evaluate("document.documentElement.scrollWidth - innerWidth");

/** Width of a small phone, in CSS pixels. */
export const NARROW = 360;

/** Addresses of the scripts that a page has loaded so far. */
export async function scriptsOf(page: Page): Promise<string[]> {
  const urls = await page.evaluate<string[]>(
    `performance.getEntriesByType("resource").map(({ name }) => name)`,
  );
  return urls.filter((url) => new URL(url).pathname.endsWith(".js"));
}

/** Bytes of files together, each compressed. */
export async function compressed(urls: readonly string[]): Promise<number> {
  const texts = await Promise.all(urls.map(async (url) => (await fetch(url)).arrayBuffer()));
  return texts.reduce((sum, text) => sum + gzipSync(text).byteLength, 0);
}
