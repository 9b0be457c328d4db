import { expect, test } from "vitest";
import { loadCases } from "../../src/scenario/load-cases.ts";
import { isLocked } from "../../src/scenario/locked.ts";
import { parseCase } from "../../src/scenario/parse-case.ts";
import { validateCase } from "../../src/scenario/validate.ts";

const [scenario] = loadCases() as [ReturnType<typeof loadCases>[number]];

test("every case of the suite is locked, and is as the schema says", () => {
  for (const each of loadCases()) {
    expect(isLocked(each), each.id).toBe(true);
    expect(() => validateCase(each, each.id)).not.toThrow();
  }
});

test.each([
  ["another meaning", { ...scenario, steps: [...scenario.steps, { do: "nothing" }] }],
  ["a key too many", { ...scenario, colour: "red" }],
  ["no title", { ...scenario, title: undefined }],
  ["a number for a reason", { ...scenario, why: 7 }],
  ["an id that nobody has locked", { ...scenario, id: "p11.no.such" }],
  ["an id that all objects have", { ...scenario, id: "constructor" }],
  ["no object", null],
])("a case with %s is held against the schema", (_, document) => {
  expect(isLocked(document)).toBe(false);
  expect(() => parseCase(JSON.stringify(document), "it.json")).toThrow(/^it\.json/);
});
