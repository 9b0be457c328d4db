/**
 * Writes the computed parts of the pages about patches and errata; with --check only says which
 * pages no longer tell what the code does.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadCases } from "../src/scenario/load-cases.ts";
import { PACKAGE_ROOT } from "../src/scenario/package-root.ts";
import { pageOf, writtenOn } from "../src/walkthrough/page.ts";
import { neededRegions, regionOf, regionsIn, withRegions } from "../src/walkthrough/regions.ts";
import { storyOf } from "../src/walkthrough/story.ts";
import { TOPIC_IDS } from "../src/walkthrough/topics.ts";

const check = process.argv.includes("--check");
const cases = loadCases();
for (const id of TOPIC_IDS) {
  writtenOn(id);
  const story = storyOf(id, cases);
  const file = join(PACKAGE_ROOT, pageOf(id));
  const text = readFileSync(file, "utf8");
  const missing = neededRegions(story).filter((region) => !regionsIn(text).includes(region));
  if (missing.length > 0) throw new Error(`${pageOf(id)} lacks ${missing.join(", ")}`);
  const current = withRegions(text, (region) => regionOf(region, story, cases));
  if (current === text) continue;
  if (!check) {
    writeFileSync(file, current);
    continue;
  }
  console.error(`${pageOf(id)} no longer tells what the code does; run \`npm run lock:pages\``);
  process.exitCode = 1;
}
