/**
 * Writes what is computed in the docs: parts of the pages about patches and errata, what became of
 * the series and the presets that follow from it (fixtures/releases.json), and pictures.
 * With --check only says what no longer tells what the code does.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { format, resolveConfig } from "prettier";
import { matrixLine } from "../src/conformance/matrix.ts";
import { loadCases } from "../src/scenario/load-cases.ts";
import { pageOf, writtenOn } from "../src/walkthrough/page.ts";
import {
  facts,
  fateLines,
  presetFile,
  presets,
  presetsTable,
  releasesLines,
} from "../src/walkthrough/releases.ts";
import { neededRegions, regionOf, regionsIn, withRegions } from "../src/walkthrough/regions.ts";
import { storyOf } from "../src/walkthrough/story.ts";
import { TOPIC_IDS } from "../src/walkthrough/topics.ts";
import { pictures } from "./pictures.ts";

const PICTURES = "docs/pictures";

const check = process.argv.includes("--check");

function lock(file: string, text: string): void {
  const current = existsSync(file) ? readFileSync(file, "utf8") : null;
  if (current === text) return;
  if (!check) {
    writeFileSync(file, text);
    return;
  }
  console.error(`${file} no longer tells what the code does; run \`npm run lock:pages\``);
  process.exitCode = 1;
}

/** What pages besides those of patches and errata can have. */
const PARTS: Readonly<Record<string, () => readonly string[]>> = {
  releases: releasesLines,
  presets: presetsTable,
  ...Object.fromEntries(
    facts
      .flatMap(({ topics }) => topics)
      .map((topic) => [`fate-${topic}`, () => fateLines(topic, "releases.md")]),
  ),
};
for (const name of readdirSync("docs")) {
  if (!name.endsWith(".md")) continue;
  const file = `docs/${name}`;
  const text = readFileSync(file, "utf8");
  lock(
    file,
    withRegions(text, (part) => PARTS[part]!(), Object.keys(PARTS)),
  );
}
for (const preset of presets) {
  const text = JSON.stringify(presetFile(preset));
  const file = `fixtures/deviations/${preset.name}.json`;
  lock(file, await format(text, { ...(await resolveConfig(file)), filepath: file }));
}

const cases = loadCases();
const lines = cases.map(matrixLine);
for (const id of TOPIC_IDS) {
  writtenOn(id);
  const story = storyOf(id, cases);
  const file = pageOf(id);
  const text = readFileSync(file, "utf8");
  const missing = neededRegions(story).filter((region) => !regionsIn(text).includes(region));
  if (missing.length > 0) throw new Error(`${file} lacks ${missing.join(", ")}`);
  lock(
    file,
    withRegions(text, (region) => regionOf(region, story, lines)),
  );
}
mkdirSync(PICTURES, { recursive: true });
for (const [name, svg] of Object.entries(pictures(lines))) lock(`${PICTURES}/${name}`, svg);
