import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { patches } from "../../src/reference/layers/index.ts";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";
import { patchOf, slugOf, titleOf } from "../../src/scenario/suites.ts";

const numbers = Array.from({ length: 28 }, (_, number) => number);
const slugs = numbers.map(slugOf);

const numbered = (folder: string): string[] =>
  readdirSync(join(PACKAGE_ROOT, folder))
    .filter((name) => /^\d\d-/.test(name))
    .sort();

test("each suite has its folder of cases, its folder of tests, and its patch", () => {
  expect(numbered("fixtures")).toEqual(slugs);
  expect(numbered("suites")).toEqual(slugs);
  expect(numbered("src/reference/layers")).toEqual(slugs.slice(1).map((slug) => `${slug}.ts`));
});

test("a suite has the title of its patch; suite 0 has none to take", () => {
  expect(numbers.map(titleOf)).toEqual([
    "What holds at every layer",
    ...patches.map(({ title }) => title),
  ]);
  expect(patchOf(11)).toBe(patches[10]);
  expect(patchOf(0)).toBeUndefined();
});
