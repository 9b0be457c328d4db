import { describe, expect, test } from "vitest";
import { DocumentError, readRun } from "../../src/report/read-run.ts";
import { runJson } from "../../src/report/run-json.ts";
import { aFailure, aReport, aResult } from "../support/results.ts";

const good = runJson(aReport([aResult(), aFailure({ log: [] })]));
const [first, second] = good.results as [object, object];

test("a run that was written is read as it was", () => {
  expect(readRun(JSON.stringify(good), "a.json")).toEqual(good);
});

describe("what is wrong is said in one sentence, with file and place:", () => {
  test.each<{ document: unknown; says: string | RegExp }>([
    { document: null, says: 'a.json, /kind: expected "run", found nothing' },
    { document: { kind: "report" }, says: 'a.json, /kind: expected "run", found "report"' },
    { document: { kind: ["run"] }, says: 'a.json, /kind: expected "run", found ["run"]' },
    {
      document: { ...good, claim: undefined },
      says: 'a.json, /: the property "claim" is missing',
    },
    { document: { ...good, more: 1 }, says: 'a.json, /: there is no property "more" here' },
    {
      document: { ...good, format: 2 },
      says: "a.json, /format: must be equal to constant, found 2",
    },
    {
      document: { ...good, results: [{ ...first, verdict: "passes" }] },
      says: /^a\.json, \/results\/0\/verdict: must be one of conforms, .*, found "passes"$/,
    },
    {
      document: { ...good, results: [first, { ...second, violations: [] }] },
      says: "a.json, /results/1/violations: must NOT have fewer than 1 items, found []",
    },
    {
      document: { ...good, results: [{ ...first, patch: "x".repeat(100) }] },
      says: `a.json, /results/0/patch: must be integer, found "${"x".repeat(58)}…`,
    },
    {
      document: {
        ...good,
        results: [{ ...second, firstDifference: { pointer: "/steps/0", expected: null, seen: 5 } }],
      },
      says: "a.json, /results/0/firstDifference/seen: must be null, found 5",
    },
  ])("$says", ({ document, says }) => {
    const read = () => readRun(JSON.stringify(document), "a.json");
    expect(read).toThrow(DocumentError);
    expect(read).toThrow(says);
  });

  test("no JSON", () => {
    expect(() => readRun("{", "a.json")).toThrow(/^a\.json is not JSON: /);
  });
});
