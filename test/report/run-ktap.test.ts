import { expect, test } from "vitest";
import { runKtap } from "../../src/report/run-ktap.ts";
import { aCase } from "../support/a-case.ts";
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
    "  # equals layer 9",
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
