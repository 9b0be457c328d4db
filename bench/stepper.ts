/**
 * What a move of the stepper costs on the decisive case of each topic, two sides: the runs and what
 * is shown of them, in Node.js; and in the page, drawn, if the site has been built and chromium is
 * there.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { loadCases } from "../src/scenario/load-cases.ts";
import { PACKAGE_ROOT } from "../src/scenario/package-root.ts";
import { sideOf } from "../src/stepper/composition.ts";
import { linkText } from "../src/stepper/link.ts";
import { Session } from "../src/stepper/session.ts";
import { decisiveOf, topicLink } from "../src/stepper/topic.ts";
import { TOPIC_IDS } from "../src/walkthrough/topics.ts";
import { isThere } from "../test/support/needs.ts";
import { serveFolder } from "../test/support/serve-folder.ts";
import { printTable } from "./measure.ts";

const TARGET = "50 ms";

/** Each move is made that often and counts with its median: what was slow by chance does not. */
const PASSES = 3;

export async function stepperBench(): Promise<void> {
  const cases = loadCases();
  const topics = TOPIC_IDS.map((id) => {
    const scenario = cases.find((each) => each.id === decisiveOf(id))!;
    return { scenario, link: topicLink(id, scenario) };
  });
  const inNode: number[][] = [];
  for (let pass = 0; pass < PASSES; pass++) {
    const times = topics.flatMap(({ scenario, link }) => {
      const session = new Session(link.sides.map(sideOf), { scenario });
      return timesOf(() => session.forward());
    });
    inNode.push(times);
  }
  const drawn = await inPage(topics.map(({ link }) => linkText(link)));
  printTable(
    [
      `a move of the stepper, two sides, ${PASSES} times`,
      "moves",
      "median",
      "95 %",
      "slowest",
      "target",
    ],
    [row("in Node.js", inNode), ...(drawn === null ? [] : [row("in the page, drawn", drawn)])],
  );
}

function timesOf(move: () => boolean): number[] {
  const times: number[] = [];
  for (;;) {
    const started = performance.now();
    if (!move()) return times;
    times.push(performance.now() - started);
  }
}

const ascending = (times: readonly number[]): number[] => [...times].sort((a, b) => a - b);

/** @param passes the time of each move, in each pass */
function row(name: string, passes: readonly (readonly number[])[]): string[] {
  const middle = Math.floor(passes.length / 2);
  const times = ascending(passes[0]!.map((_, i) => ascending(passes.map((p) => p[i]!))[middle]!));
  const at = (share: number): string =>
    `${times[Math.min(times.length - 1, Math.floor(times.length * share))]!.toFixed(1)} ms`;
  return [name, String(times.length), at(0.5), at(0.95), at(1), TARGET];
}

/** Presses a key until the end, in a page; the time until all is drawn, each time. */
const MOVES = `(async () => {
  const stepper = document.querySelector(".stepper");
  const position = () => document.querySelector(".stepper .position").textContent;
  const times = [];
  for (;;) {
    const before = position();
    const started = performance.now();
    stepper.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
    await new Promise((resume) => queueMicrotask(() => queueMicrotask(resume)));
    stepper.getBoundingClientRect();
    const time = performance.now() - started;
    if (position() === before) return times;
    times.push(time);
    await new Promise((resume) => setTimeout(resume));
  }
})()`;

async function inPage(links: readonly string[]): Promise<number[][] | null> {
  const site = join(PACKAGE_ROOT, "docs/.vitepress/dist");
  if (!existsSync(site) || !isThere("chromium")) return null;
  const { address, close } = await serveFolder(site, "/below");
  const executablePath = spawnSync("which", ["chromium"], { encoding: "utf8" }).stdout.trim();
  const browser = await chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-background-networking"],
  });
  const passes: number[][] = [];
  for (let pass = 0; pass < PASSES; pass++) {
    const times: number[] = [];
    for (const link of links) {
      const page = await browser.newPage();
      await page.goto(`${address}/stepper.html#${link}`);
      await page.locator(".stepper .controls").waitFor();
      times.push(...(await page.evaluate<number[]>(MOVES)));
      await page.close();
    }
    passes.push(times);
  }
  await browser.close();
  close();
  return passes;
}
