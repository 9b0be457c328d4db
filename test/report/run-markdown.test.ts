import { expect, test } from "vitest";
import { runMarkdown } from "../../src/report/run-markdown.ts";
import { aCase } from "../support/a-case.ts";
import { aFailure, aReport, aResult, hostileReport, UNSEEN } from "../support/results.ts";

const TITLE = "11 KVM: x86/mmu: Zap only the relevant pages when removing a memslot";
const lines = (...args: Parameters<typeof aReport>): string[] =>
  runMarkdown(aReport(...args)).split("\n");

test("when all conforms: the verdict, who and as what, and a table by patch", () => {
  const of12 = aCase({ id: "p12.a", patch: 12 });
  expect(lines([aResult(), aResult({ scenario: of12 }), aResult({ verdict: "has-slip" })])).toEqual(
    [
      "**Conforms.** 3 cases: 2 conform, 1 with a slip, 0 fail, 0 not assessed",
      "",
      "```text",
      "implementation  mine 1.0",
      "claim           layer 11 as promised",
      "```",
      "",
      "| patch | conform | with a slip |",
      "| --- | ---: | ---: |",
      `| ${TITLE} | 1 | 1 |`,
      '| 12 Revert "KVM: MMU: document fast invalidate all pages" | 1 | 0 |',
      "",
    ],
  );
});

test("failures follow with their details, then what was not assessed and why", () => {
  const missing = ["event:free"];
  const needs = (id: string, ...names: string[]) =>
    aResult({ scenario: aCase({ id }), verdict: "not-assessed", missing: names });
  const text = lines(
    [
      ...[needs("p11.a", "point:commit"), needs("p11.b", ...missing), needs("p11.c", ...missing)],
      aFailure({ equals: ["10"] }),
    ],
    { restarts: 2 },
  );
  expect(text[0]).toBe("**Does not conform.** 4 cases: 0 conform, 1 fail, 3 not assessed");
  expect(text).toContain("its process was started again 2 times");
  expect(text.slice(text.indexOf("### FAILS p11.small.case"))).toEqual([
    "### FAILS p11.small.case",
    "",
    "```text",
    "A small case that is true",
    "at /steps/0/expect/outcome",
    "  expected  hit",
    "  seen      mapped",
    "responsible: kvm_mmu_invalidate_zap_pages_in_memslot (patch 11)",
    "equals layer 10 as promised",
    "```",
    "",
    "### Not assessed",
    "",
    "```text",
    "for want of event:free: 2 cases",
    "  p11.b, p11.c",
    "for want of point:commit: 1 case",
    "  p11.a",
    "```",
    "",
  ]);
});

test.each([
  { says: "Nothing was assessed", report: aReport([]) },
  {
    says: "Conforms in all assessed cases",
    report: aReport([aResult(), aResult({ verdict: "not-assessed", missing: ["event:free"] })]),
  },
  { says: "Not run to its end", report: aReport([aResult()], { notRun: 1 }) },
  { says: "Does not conform", report: aReport([aFailure()], { notRun: 1 }) },
  { says: "Does not conform", report: aReport([aResult({ verdict: "unexpected-pass" })]) },
  { says: "Conforms", report: aReport([aFailure({ verdict: "deviates" })]) },
  { says: "Does not deviate as said", report: aReport([aResult()], { unseen: UNSEEN }) },
])("$says", ({ says, report }) => {
  expect(runMarkdown(report)).toContain(`**${says}.** `);
});

test("deviations that were not seen stand above the table", () => {
  const text = lines([aResult()], { unseen: UNSEEN });
  expect(text.slice(text.indexOf("```text") + 3, text.indexOf("```"))).toEqual([
    "deviation not seen: patch 3 (it was reverted)",
    "deviation not seen: p11.small.case (a `mistake` # of mine)",
  ]);
});

test("no line outside of the table is longer than 100 columns", () => {
  const long = { name: "a".repeat(300), version: "b ".repeat(100) };
  const violations = [
    { pointer: "/x".repeat(100), expected: "c ".repeat(99), seen: "d".repeat(222) },
  ];
  const missing = Array.from({ length: 40 }, (_, n) => `event:name-${n}`);
  const report = aReport(
    [
      aFailure({ violations, log: ["e".repeat(300)] }),
      aResult({ verdict: "not-assessed", missing }),
    ],
    {
      ...{ implementation: long, claim: "f ".repeat(100) },
      unseen: [{ patch: 3, reason: "g ".repeat(100), link: "https://example.org/" }],
    },
  );
  const wide = runMarkdown(report)
    .split("\n")
    .filter((line) => line.length > 100 && !line.startsWith("|"));
  expect(wide).toEqual([]);
});

/** The lines outside of blocks of code, as CommonMark has it. */
function outside(text: string): string[] {
  const found: string[] = [];
  let fence: string | null = null;
  for (const line of text.split("\n")) {
    const [, ticks] = /^ {0,3}(`{3,})[^`]*$/.exec(line) ?? [];
    if (fence === null && ticks !== undefined) fence = ticks;
    // As many backticks as at the start, or more, and nothing else.
    else if (fence !== null && new RegExp(`^ {0,3}${fence}\`* *$`).test(line)) fence = null;
    else if (fence === null && line !== "") found.push(line);
  }
  expect(fence).toBeNull();
  return found;
}

test("whatever an implementation says stands in blocks of code, and ends none of them", () => {
  const [result] = hostileReport().results;
  const log = ["```", "`````", "# a heading", "a ```` b"];
  for (const report of [hostileReport(), aReport([{ ...result!, log }])]) {
    expect(outside(runMarkdown(report))).toEqual([
      "**Does not conform.** 1 case: 0 conform, 0 fail, 1 crashed, 0 not assessed",
      "| patch | crashed |",
      "| --- | ---: |",
      `| ${TITLE} | 1 |`,
      "### CRASHED p11.small.case",
    ]);
  }
});
