import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { patches } from "../../src/reference/layers/index.ts";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";
import { pageOf } from "../../src/walkthrough/page.ts";
import { facts, fateLines, presets, RELEASES_FILE } from "../../src/walkthrough/releases.ts";

const read = (file: string): string => readFileSync(join(PACKAGE_ROOT, file), "utf8");
const known = read(RELEASES_FILE);
const pages = [
  "README.md",
  ...["docs", "docs/errata", "docs/patches"].flatMap((folder) =>
    readdirSync(join(PACKAGE_ROOT, folder))
      .filter((name) => name.endsWith(".md"))
      .map((name) => `${folder}/${name}`),
  ),
];

test("what is known of releases fits its schema", () => {
  const schema = JSON.parse(read("fixtures/schema/releases.schema.json")) as object;
  const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(schema);
  expect(validate(JSON.parse(known)), JSON.stringify(validate.errors)).toBe(true);
});

test("every fact has an id of its own, and a preset rests on some", () => {
  const ids = facts.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const preset of presets) expect(ids).toEqual(expect.arrayContaining([...preset.facts]));
});

test("a line on a page has the sentence, the commit and the way to the evidence", () => {
  const lines = fateLines("E1", "releases.md");
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^- E1 was put right .*\(`34c0f6f2695a`\)\. \(\[how it is known\]/);
  expect(lines[0]).toContain("(releases.md#e1-corrected)");
});

/** Code, tables of entries and addresses have hexadecimal numbers, too. */
const prose = (text: string): string => text.replaceAll(/```[\s\S]*?```|<div[\s\S]*?<\/div>/g, "");

describe("nothing about a release stands in a page that is not known:", () => {
  test.each(pages)("%s", (page) => {
    const text = prose(read(page));
    const own = patches
      .filter(({ number }) => pageOf(number) === page)
      .flatMap(({ commit }) => commit?.slice(0, 12) ?? []);
    const commits = [...text.matchAll(/`(?![0-9a-f]*0{6})([0-9a-f]{12})`/g)].map(
      ([, commit]) => commit!,
    );
    expect(commits.filter((each) => !known.includes(each) && !own.includes(each))).toEqual([]);
    const releases = [...text.matchAll(/(?<![\d./v])v[3-9]\.\d+(?:\.\d+)?/g)].map(([each]) => each);
    const recorded = ["v5.0", "v5.0.1", "v5.2.1"];
    const unknown = releases.filter((each) => !known.includes(each) && !recorded.includes(each));
    expect(unknown).toEqual([]);
  });
});
