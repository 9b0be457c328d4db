import { describe, expect, test } from "vitest";
import type { Verdict } from "../../src/conformance/run-cases.ts";
import { compareRuns } from "../../src/report/compare.ts";
import { compareJson } from "../../src/report/compare-json.ts";
import { compareText } from "../../src/report/compare-text.ts";
import { runJson } from "../../src/report/run-json.ts";
import type { RunReport } from "../../src/report/run-report.ts";
import { aCase } from "../support/a-case.ts";
import { expectNarrow, plain } from "../support/lines.ts";
import { expectOutput } from "../support/output-schema.ts";
import { aReport, aResult, HARMLESS, HOSTILE } from "../support/results.ts";

/** A run of cases that went like this. */
const run = (verdicts: Readonly<Record<string, Verdict>>, changes: Partial<RunReport> = {}) =>
  runJson(
    aReport(
      Object.entries(verdicts).map(([id, verdict]) =>
        aResult({ scenario: aCase({ id, title: `About ${id}` }), verdict }),
      ),
      changes,
    ),
  );

const compared = (...[before, after]: [Verdict, Verdict]) => {
  const { worse, better, other } = compareRuns(run({ "p11.a": before }), run({ "p11.a": after }));
  return [worse.length, better.length, other.length].join();
};

describe("a case that", () => {
  test.each<{ before: Verdict; after: Verdict }>([
    { before: "conforms", after: "fails" },
    { before: "has-slip", after: "crashed" },
    { before: "conforms", after: "not-assessed" },
    { before: "conforms", after: "deviates" },
    { before: "unexpected-pass", after: "fails" },
    { before: "fails", after: "timed-out" },
  ])("was $before and is $after became worse; the contrary is better", ({ before, after }) => {
    expect(compared(before, after)).toBe("1,0,0");
    expect(compared(after, before)).toBe("0,1,0");
  });

  test.each<{ before: Verdict; after: Verdict }>([
    { before: "fails", after: "deviates" },
    { before: "fails", after: "not-assessed" },
    { before: "crashed", after: "protocol-error" },
    { before: "conforms", after: "unexpected-pass" },
    { before: "conforms", after: "has-remedy" },
  ])("was $before and is $after is otherwise, either way", ({ before, after }) => {
    expect(compared(before, after)).toBe("0,0,1");
    expect(compared(after, before)).toBe("0,0,1");
  });

  test("went the same way is no change", () => {
    expect(compared("fails", "fails")).toBe("0,0,0");
  });
});

const old = run({
  ...{ "p11.same": "fails", "p11.worse": "conforms", "p11.better": "fails" },
  ...{ "p11.known": "fails", "p11.gone": "conforms" },
} as const);
const next = run(
  {
    ...{ "p11.new": "fails", "p11.same": "fails", "p11.worse": "crashed" },
    ...{ "p11.better": "conforms", "p11.known": "deviates" },
  } as const,
  { implementation: { name: "mine", version: "1.1" }, claim: "layer 12 as promised" },
);

test("only what is different is told, what is worse first", () => {
  expect(plain(compareText(compareRuns(old, next)))).toEqual([
    ...["implementation", "  before  mine 1.0", "  after   mine 1.1", ""],
    ...["claim", "  before  layer 11 as promised", "  after   layer 12 as promised", ""],
    ...["worse", "  p11.worse: conform → crashed", "    About p11.worse", ""],
    ...["better", "  p11.better: fail → conform", "    About p11.better", ""],
    ...["otherwise", "  p11.known: fail → known to deviate", "    About p11.known", ""],
    ...["only before", "  p11.gone", "", "only after", "  p11.new", ""],
    "4 cases in common: 1 worse, 1 better, 1 otherwise",
  ]);
  expect(plain(compareText(compareRuns(old, old)))).toEqual([
    "5 cases in common: 0 worse, 0 better, 0 otherwise",
  ]);
});

test("the same as JSON", () => {
  const document = compareJson(compareRuns(old, next));
  expectOutput(document, "comparison");
  const change = (name: string, before: Verdict, after: Verdict) => ({
    ...{ id: `p11.${name}`, patch: 11, title: `About p11.${name}`, before, after },
  });
  expect(document).toEqual({
    ...{ kind: "comparison", format: 1, common: 4 },
    before: { implementation: { name: "mine", version: "1.0" }, claim: "layer 11 as promised" },
    after: { implementation: { name: "mine", version: "1.1" }, claim: "layer 12 as promised" },
    worse: [change("worse", "conforms", "crashed")],
    better: [change("better", "fails", "conforms")],
    other: [change("known", "fails", "deviates")],
    ...{ onlyBefore: ["p11.gone"], onlyAfter: ["p11.new"] },
  });
});

test("names may be anything, and lines stay narrow", () => {
  const implementation = { name: HOSTILE, version: "x ".repeat(200) };
  const many = Object.fromEntries(
    Array.from({ length: 50 }, (_, n) => [`p11.case-number-${n}`, "conforms" as const]),
  );
  const lines = plain(compareText(compareRuns(old, run(many, { implementation }))));
  expectNarrow(lines);
  expect(lines.join(" ")).toContain(`after   ${HARMLESS}`);
});
