import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, inject, test } from "vitest";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";
import { describeInBrowser } from "../support/browser.ts";
import { barriers, compressed, NARROW, overhang, scriptsOf } from "../support/reading.ts";

/** Of compressed script, in bytes. */
const FIRST_PAGE_LIMIT = 250_000;

const PAGES = readdirSync(join(PACKAGE_ROOT, "docs"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".md"))
  .map((name) => name.replace(/\.md$/, ".html"))
  .sort();

/** The stepper has tests of its own. */
const TEXT = { exclude: [".stepper"] };

/** One page of each kind. */
const KINDS = [
  ...["index.html", "series.html", "protocol-reference.html"],
  ...["patches/11-zap-only-the-slot.html", "errata/E1.html"],
];

describeInBrowser("pages of the site", (look) => {
  test.each(PAGES)("%s can be read, on a narrow screen too", async (path) => {
    const { page, errors, elsewhere } = await look(path);
    expect(await page.locator("main h1").count()).toBe(1);
    expect(await barriers(page, TEXT, "without contrasts")).toEqual([]);
    await page.setViewportSize({ width: NARROW, height: 700 });
    expect(await overhang(page)).toBeLessThanOrEqual(0);
    expect(errors).toEqual([]);
    expect(elsewhere).toEqual([]);
  });

  test.each(KINDS.flatMap((path) => [false, true].map((dark) => ({ path, dark }))))(
    "$path has enough contrast; in the dark: $dark",
    async ({ path, dark }) => {
      const { page } = await look(path, { dark });
      expect(await page.locator("html.dark").count()).toBe(dark ? 1 : 0);
      expect(await barriers(page, TEXT)).toEqual([]);
    },
  );

  test.each(KINDS)("%s works below the root of a server", async (path) => {
    const { page, errors } = await look(inject("site").below + path);
    const title = await page.locator("main h1").textContent();
    await page.locator(".pager-link").first().click();
    await page.waitForFunction(
      `(document.querySelector("main h1")?.textContent ?? title) !== title`.replaceAll(
        "title",
        JSON.stringify(title),
      ),
    );
    expect(page.url()).toContain(inject("site").below);
    expect(errors).toEqual([]);
  });

  test("links lead to pages and files that are there", () => {
    const { folder } = inject("site");
    const dead = PAGES.flatMap((page) => {
      const html = readFileSync(join(folder, page), "utf8");
      const links = [...html.matchAll(/<a [^>]*href="([^"#?]+)/g)].map(([, href]) => href!);
      return links
        .filter((href) => !/^[a-z]+:/.test(href))
        .filter((href) => !existsSync(join(folder, dirname(page), href)))
        .map((href) => `${page}: ${href}`);
    });
    expect(dead).toEqual([]);
  });

  test("search finds a page by what is in it", async () => {
    const { page, errors } = await look("index.html");
    await page.keyboard.press("Control+k");
    await page.locator("#localsearch-input").fill("walk_restart");
    await page.locator("#localsearch-list a").first().waitFor();
    expect(errors).toEqual([]);
  });

  test("the first page needs little script", async () => {
    const { page } = await look("index.html");
    const bytes = await compressed(await scriptsOf(page));
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThanOrEqual(FIRST_PAGE_LIMIT);
  });
});
