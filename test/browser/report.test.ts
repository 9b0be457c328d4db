import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { reportHtml } from "../../src/report/html.ts";
import { launch } from "../support/browser.ts";
import { describeWith } from "../support/needs.ts";
import { aKill, aLine, aReport, aRow } from "../support/results.ts";
import { otherSlotStays, ramIsReached } from "../support/small-cases.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

describeWith("chromium", "the report", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser.close());

  /** The page, long enough that its suites are below the screen, and what it asks for. */
  async function open(width = 1280): Promise<{ page: Page; asked: string[] }> {
    const rows = [aRow("promised", "...........#"), aRow("merged", "...........#")];
    const many = Array.from({ length: 40 }, (_, i) =>
      aLine(rows, { ...otherSlotStays, id: `p11.small.case-${i}` }),
    );
    const lines = [aLine([aRow("promised", "#")], ramIsReached), ...many];
    const file = join(temporaryFolder(), "index.html");
    const ids = many.map(({ scenario }) => scenario.id);
    writeFileSync(file, reportHtml({ run: aReport([]), lines, kills: [aKill(ids)] }));
    const page = await browser.newPage({ viewport: { width, height: 700 } });
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    await page.goto(`file://${file}`);
    return { page, asked };
  }

  /** Whether the head of a column is on the screen and stands out with its column. */
  const leadsTo = (page: Page, column: string): Promise<unknown> =>
    page
      .evaluate(
        `(() => {
      const head = document.querySelector(":target");
      const { top, bottom } = head.getBoundingClientRect();
      const cell = head.closest("table").querySelector("td.cells");
      return [head.id, top >= 0 && bottom <= innerHeight, getComputedStyle(cell).backgroundImage !== "none"];
    })()`,
      )
      .then((seen) => {
        expect(seen).toEqual([column, true, true]);
      });

  test.each([1280, 390])("%i pixels wide asks for nothing else and fits", async (width) => {
    const { page, asked } = await open(width);
    expect(asked).toHaveLength(1);
    const wide = "document.documentElement.scrollWidth <= innerWidth";
    expect(await page.evaluate(wide)).toBe(true);
    expect(await page.isVisible(".stairs td a")).toBe(true);
  });

  test("leads from a cell to its layer in the suite: by a click", async () => {
    const { page } = await open();
    await page.click("a[href='#c11-10']");
    await leadsTo(page, "c11-10");
  });

  test("leads from a cell to its layer in the suite: by a key", async () => {
    const { page } = await open();
    await page.focus("a[href='#c11-26']");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await leadsTo(page, "c11-27");
  });
});
