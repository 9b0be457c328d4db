import { describe, expect, test } from "vitest";
import type { Verdict } from "../../src/conformance/run-cases.ts";
import { runKtap } from "../../src/report/run-ktap.ts";
import { aCase } from "../support/a-case.ts";
import { parseKtap } from "../support/ktap.ts";
import { aFailure, aReport, aResult, HARMLESS, hostileReport, UNSEEN } from "../support/results.ts";

const of = (id: string): { scenario: ReturnType<typeof aCase> } => ({ scenario: aCase({ id }) });
const ofPatch = (patch: number, id: string) => ({ scenario: aCase({ id, patch }) });

test("a test for each patch, whose subtests are its cases", () => {
  const missing = ["event:free", "point:commit"];
  const text = runKtap(
    aReport(
      [
        aResult(of("p11.a")),
        aFailure({ ...of("p11.b"), equals: ["9"] }),
        aResult({ ...of("p11.c"), verdict: "not-assessed", missing }),
        aResult(ofPatch(3, "p03.a")),
        aResult({ ...ofPatch(12, "p12.a"), verdict: "not-assessed", missing }),
      ],
      { leftOut: 2 },
    ),
  );
  expect(text.split("\n")).toEqual([
    "KTAP version 1",
    "1..3",
    "# mine 1.0, layer 11 as promised",
    "  KTAP version 1",
    "  # Subtest: 03-no-caching-in-flux",
    "  1..1",
    "  ok 1 p03.a",
    "ok 1 03-no-caching-in-flux",
    "  KTAP version 1",
    "  # Subtest: 11-zap-only-the-slot",
    "  1..3",
    "  ok 1 p11.a",
    "  # A small case that is true",
    "  # at /steps/0/expect/outcome",
    "  #   expected  hit",
    "  #   seen      mapped",
    "  # responsible: kvm_mmu_invalidate_zap_pages_in_memslot (patch 11)",
    "  # equals layer 9 as promised",
    "  not ok 2 p11.b",
    "  ok 3 p11.c # SKIP needs event:free, point:commit",
    "not ok 2 11-zap-only-the-slot",
    "  KTAP version 1",
    "  # Subtest: 12-document-no-fast-invalidate",
    "  1..1",
    "  ok 1 p12.a # SKIP needs event:free, point:commit",
    "ok 3 12-document-no-fast-invalidate # SKIP",
    "# 5 cases: 2 conform, 1 fail, 2 not assessed",
    "# 2 cases of these patches left out: about other compositions",
    "",
  ]);
});

test("a test for the deviations that were not seen comes last, and fails", () => {
  const text = runKtap(aReport([aResult()], { unseen: UNSEEN }));
  expect(text.split("\n")).toEqual([
    ...["KTAP version 1", "1..2", "# mine 1.0, layer 11 as promised"],
    ...["  KTAP version 1", "  # Subtest: 11-zap-only-the-slot", "  1..1"],
    ...["  ok 1 p11.small.case", "ok 1 11-zap-only-the-slot"],
    ...["  KTAP version 1", "  # Subtest: deviations", "  1..2"],
    "  # it was reverted",
    "  # https://example.org/1",
    "  not ok 1 patch 3 # deviation not seen",
    "  # a `mistake` # of mine",
    "  # https://example.org/2",
    "  not ok 2 p11.small.case # deviation not seen",
    "not ok 2 deviations",
    "# 1 case: 1 conform, 0 fail, 0 not assessed",
    "",
  ]);
});

describe("as a reader of KTAP sees it", () => {
  const verdicts: readonly Verdict[] = [
    ...(["conforms", "has-slip", "has-remedy", "deviates", "fails", "unexpected-pass"] as const),
    ...(["crashed", "timed-out", "protocol-error", "not-assessed"] as const),
  ];
  const missing = ["event:free"];
  const results = verdicts.map((verdict) =>
    verdict === "not-assessed" ? aResult({ verdict, missing }) : aFailure({ verdict }),
  );

  test("every verdict is a test with its outcome, its directive and what was said about it", () => {
    const { tests } = parseKtap(runKtap(aReport([...results, aResult(ofPatch(3, "p03.a"))])));
    expect(tests.map(({ ok, name, directive }) => [ok, name, directive])).toEqual([
      [true, "03-no-caching-in-flux", null],
      [false, "11-zap-only-the-slot", null],
    ]);
    expect(tests[1]!.subtests.map(({ ok, directive, data }) => [ok, directive, data])).toEqual([
      [true, null, ""],
      [true, null, "with a slip"],
      [true, null, "with a remedy"],
      [true, "XFAIL", "known to deviate"],
      [false, null, ""],
      [false, null, "unexpectedly pass"],
      [false, "ERROR", "crashed"],
      [false, "TIMEOUT", ""],
      [false, "ERROR", "protocol error"],
      [true, "SKIP", "needs event:free"],
    ]);
    const failed = tests[1]!.subtests[4]!;
    expect(failed.diagnostics).toContain("  expected  hit");
  });

  test("a suite of which nothing was assessed is skipped", () => {
    const { tests } = parseKtap(runKtap(aReport([aResult({ verdict: "not-assessed", missing })])));
    expect(tests).toMatchObject([{ ok: true, directive: "SKIP", subtests: [{ ok: true }] }]);
  });

  test("whatever is said, there is nothing but lines of KTAP", () => {
    const hostile = hostileReport();
    const all = [...results, ...hostile.results];
    const { tests } = parseKtap(runKtap({ ...hostile, results: all, unseen: UNSEEN }));
    expect(tests.map(({ name, subtests }) => [name, subtests.length])).toEqual([
      ["11-zap-only-the-slot", all.length],
      ["deviations", UNSEEN.length],
    ]);
    expect(parseKtap(runKtap(aReport([])))).toMatchObject({ tests: [] });
  });

  const good = "KTAP version 1\n1..1\n  KTAP version 1\n  1..2\n  ok 1 a\n  ok 2 b\nok 1 c\n";
  const changed = (from: string, to: string): string => {
    expect(good).toContain(from);
    return good.replace(from, to);
  };

  test.each<{ what: string; text: string; says: string }>([
    { what: "no version", text: changed("KTAP version 1\n1", "1"), says: "line 1: expected the v" },
    { what: "no plan", text: changed("  1..2\n", ""), says: "line 4: expected a plan:   ok 1 a" },
    { what: "another plan", text: changed("1..2", "1..3"), says: "line 7: 2 results, planned 3" },
    { what: "a gap", text: changed("ok 2 b", "ok 3 b"), says: "line 6: expected number 2" },
    { what: "a wrong indent", text: changed("  ok 2", " ok 2"), says: "line 6: 1 results, plann" },
    { what: "a line of no kind", text: changed("  1..2", "  1..2\n  hello"), says: "line 5: 0 r" },
    { what: "text behind it", text: `${good}bye\n`, says: "line 8: expected nothing more: bye" },
    { what: "no end", text: good.slice(0, -1), says: "the last line does not end" },
    { what: "no result", text: changed("ok 1 c\n", ""), says: "line 7: expected the result of th" },
    { what: "a wrong sum", text: changed("ok 2", "not ok 2"), says: "line 7: a subtest is not ok" },
    { what: "ok in spite", text: changed("b", "b # ERROR"), says: "line 6: it cannot be ok" },
    { what: "no name", text: changed("ok 2 b", "ok 2"), says: "line 6: 1 results, planned 2" },
    {
      what: "nothing inside",
      text: changed("  1..2\n  ok 1 a\n  ok 2 b", "  1..0"),
      says: "line 5",
    },
  ])("it would not read $what", ({ text, says }) => {
    expect(parseKtap(good).tests).toHaveLength(1);
    expect(() => parseKtap(text)).toThrow(says);
  });
});

test.each([
  { verdict: "has-slip", line: "ok 1 p11.small.case # with a slip" },
  { verdict: "has-remedy", line: "ok 1 p11.small.case # with a remedy" },
  { verdict: "deviates", line: "ok 1 p11.small.case # XFAIL known to deviate" },
  { verdict: "unexpected-pass", line: "not ok 1 p11.small.case # unexpectedly pass" },
  { verdict: "timed-out", line: "not ok 1 p11.small.case # TIMEOUT" },
  { verdict: "crashed", line: "not ok 1 p11.small.case # ERROR crashed" },
  { verdict: "protocol-error", line: "not ok 1 p11.small.case # ERROR protocol error" },
] as const)("$verdict: $line", ({ verdict, line }) => {
  const lines = runKtap(aReport([aFailure({ verdict })])).split("\n");
  expect(lines).toContain(`  ${line}`);
  expect(lines).toContain(`${line.split(" 1 ")[0]!} 1 11-zap-only-the-slot`);
});

test("a run of nothing has a plan of nothing", () => {
  expect(runKtap(aReport([])).split("\n").slice(0, 2)).toEqual(["KTAP version 1", "1..0"]);
});

test("whatever an implementation says stays in diagnostics", () => {
  const lines = runKtap(hostileReport()).split("\n");
  const results = lines.filter((line) => !/^ *#/.test(line));
  expect(results).toEqual([
    ...["KTAP version 1", "1..1", "  KTAP version 1", "  1..1"],
    ...["  not ok 1 p11.small.case # ERROR crashed", "not ok 1 11-zap-only-the-slot", ""],
  ]);
  expect(lines).toContain(`# ${HARMLESS} ${HARMLESS}, layer 11 as promised`);
});
