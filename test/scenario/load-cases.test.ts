import { mkdirSync } from "node:fs";
import { join, relative } from "node:path";
import { expect, test } from "vitest";
import { loadCase, loadCases } from "../../src/scenario/load-cases.ts";
import { aCase } from "../support/a-case.ts";
import { temporaryFolder, writeFiles } from "../support/temporary-folder.ts";

const ID = "p11.small.case";
const FOLDER = "11-zap-only-the-slot";

/** A folder of fixtures with these files. */
function fixturesWith(files: Readonly<Record<string, unknown>>): string {
  const folder = temporaryFolder();
  writeFiles(folder, files);
  return folder;
}

/** A path as errors name it. */
const named = (...parts: string[]): string => relative(process.cwd(), join(...parts));

test("cases come by folder and id, from the folders of patches only", () => {
  const fixtures = fixturesWith({
    [`${FOLDER}/p11.b.json`]: aCase({ id: "p11.b" }),
    [`${FOLDER}/p11.a.json`]: aCase({ id: "p11.a" }),
    [`${FOLDER}/README.md`]: "no case",
    "03-no-caching-in-flux/p03.c.json": aCase({
      ...{ id: "p03.c", patch: 3 },
      layers: { from: 3, to: 27 },
    }),
    "schema/case.schema.json": "no case",
    "meanings.lock.json": "no case",
  });
  expect(loadCases(fixtures).map(({ id }) => id)).toEqual(["p03.c", "p11.a", "p11.b"]);
});

test("the cases of the suite are those of its fixtures", () => {
  const ids = loadCases().map(({ id }) => id);
  expect(ids.length).toBeGreaterThan(100);
  expect(new Set(ids).size).toBe(ids.length);
});

test("a file that is not named after its case is refused", () => {
  const path = join(fixturesWith({ "p11.other.json": aCase() }), "p11.other.json");
  expect(() => loadCase(path)).toThrow(
    `${named(path)}: at /id: the file of case ${ID} must be named ${ID}.json`,
  );
});

test("a case in the folder of another patch is refused", () => {
  const fixtures = fixturesWith({ [`12-document-no-fast-invalidate/${ID}.json`]: aCase() });
  const file = named(fixtures, "12-document-no-fast-invalidate", `${ID}.json`);
  expect(() => loadCases(fixtures)).toThrow(
    `${file}: at /patch: is 11, but the folder is that of patch 12`,
  );
});

test("two cases with one id are refused, wherever they are", () => {
  const name = "E2.defect.release.json";
  const scenario = (patch: number) =>
    aCase({ id: "E2.defect.release", proof: "defect", erratum: "E2", patch });
  const fixtures = fixturesWith({
    [`${FOLDER}/${name}`]: scenario(11),
    [`17-flush-at-each-break/${name}`]: scenario(17),
  });
  const [first, second] = [FOLDER, "17-flush-at-each-break"].map((folder) =>
    named(fixtures, folder, name),
  );
  expect(() => loadCases(fixtures)).toThrow(`${second}: at /id: is the id of ${first}, too`);
});

test("a file that is not there is refused", () => {
  const path = join(temporaryFolder(), `${ID}.json`);
  expect(() => loadCase(path)).toThrow(`${named(path)}: cannot be read: ENOENT`);
});

test("a file that cannot be read is refused", () => {
  const fixtures = temporaryFolder();
  mkdirSync(join(fixtures, FOLDER, `${ID}.json`), { recursive: true });
  const file = named(fixtures, FOLDER, `${ID}.json`);
  expect(() => loadCases(fixtures)).toThrow(`${file}: cannot be read: EISDIR`);
});

test("a mistake in one case is reported with its file", () => {
  const fixtures = fixturesWith({ [`${FOLDER}/${ID}.json`]: aCase({ id: ID, patch: 99 }) });
  const file = named(fixtures, FOLDER, `${ID}.json`);
  expect(() => loadCases(fixtures)).toThrow(`${file}: at /patch: must be <= 27, found 99`);
});
