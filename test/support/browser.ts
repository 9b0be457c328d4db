import { spawnSync } from "node:child_process";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, inject, onTestFinished } from "vitest";
import { describeWith } from "./needs.ts";

/** How a page is looked at. */
export interface Look {
  /** In CSS pixels. */
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
}

/** A page with what it must not do. */
export interface Looked {
  readonly page: Page;
  /** Messages of the page about errors, and requests that failed. */
  readonly errors: string[];
  /** Addresses of other hosts that it asked for. */
  readonly elsewhere: string[];
}

/** Tests with chromium. `look` opens a page of the site, as `patches/10-….html`, or an address. */
export function describeInBrowser(
  name: string,
  tests: (look: (path: string, how?: Look) => Promise<Looked>) => void,
): void {
  describeWith("chromium", name, () => {
    let browser: Browser;
    /** What pages share, light and dark: what one has loaded the next finds in the cache. */
    const contexts = new Map<boolean, Promise<BrowserContext>>();
    const contextFor = (dark: boolean): Promise<BrowserContext> => {
      const context = contexts.get(dark) ?? contextOf(browser, dark);
      contexts.set(dark, context);
      return context;
    };
    beforeAll(async () => {
      browser = await launch();
    });
    afterAll(() => browser.close());
    tests(async (path, how = {}) => open(await contextFor(how.dark ?? false), path, how));
  });
}

/** The chromium that is installed. */
export const launch = (): Promise<Browser> =>
  chromium.launch({
    executablePath: spawnSync("which", ["chromium"], { encoding: "utf8" }).stdout.trim(),
    args: [
      ...["--no-sandbox", "--disable-background-networking", "--disable-component-update"],
      ...["--no-first-run", "--disable-sync", "--force-prefers-reduced-motion"],
      // Other hosts are not there. To intercept requests would turn the cache off.
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost",
    ],
  });

const contextOf = (browser: Browser, dark: boolean): Promise<BrowserContext> =>
  browser.newContext({ colorScheme: dark ? "dark" : "light", reducedMotion: "reduce" });

async function open(context: BrowserContext, path: string, how: Look): Promise<Looked> {
  const { width = 1280, height = 900 } = how;
  const page = await context.newPage();
  onTestFinished(() => page.close());
  await page.setViewportSize({ width, height });
  const [errors, elsewhere]: [string[], string[]] = [[], []];
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("requestfailed", (request) => errors.push(`no answer from ${request.url()}`));
  page.on("request", (request) => {
    const { hostname, protocol } = new URL(request.url());
    if (hostname !== "localhost" && protocol !== "data:") elsewhere.push(request.url());
  });
  await page.goto(new URL(path, inject("site").root).href, { waitUntil: "load" });
  await page.waitForFunction("document.querySelector('#app')?.__vue_app__ !== undefined");
  return { page, errors, elsewhere };
}
