import { describe, expect, test } from "vitest";
import { totals } from "../../src/report/run-report.ts";
import { runText } from "../../src/report/run-text.ts";
import { aCase } from "../support/a-case.ts";
import { expectNarrow, plain } from "../support/lines.ts";
import { wire } from "../support/records.ts";
import { aFailure, aReport, aResult, HARMLESS, hostileReport } from "../support/results.ts";

const TITLE = "KVM: x86/mmu: Zap only the relevant pages when removing a memslot";
const HEAD = ["mine 1.0, layer 11 as promised", ""];
const suite = (counts: string): string => `${`11 ${TITLE}`.padEnd(76)} ${counts}`;

test("suites are told in order, with how many of their cases went how", () => {
  const of12 = aCase({ id: "p12.a", patch: 12 });
  const results = [
    aResult({ scenario: of12, verdict: "not-assessed", missing: ["event:free"] }),
    ...[aResult(), aResult()],
  ];
  expect(plain(runText(aReport(results)))).toEqual([
    ...HEAD,
    suite("2 conform"),
    `${'12 Revert "KVM: MMU: document fast invalidate all pages"'.padEnd(76)} 1 not assessed`,
    "",
    "not assessed for want of  event:free (1 case)",
    "",
    "3 cases: 2 conform, 0 fail, 1 not assessed",
  ]);
  expect(totals([])).toBe("0 cases: 0 conform, 0 fail, 0 not assessed");
});

test("failures come first: where, what was expected, what was seen, who is responsible", () => {
  const failure = aFailure({
    equals: ["9", "10 merged"],
    firstDifference: {
      pointer: "/steps/3",
      expected: wire("free", { gfn: "0x5", level: 1 }),
      seen: null,
    },
  });
  expect(plain(runText(aReport([aResult(), failure])))).toEqual([
    ...HEAD,
    "FAILS p11.small.case",
    "  A small case that is true",
    "  at /steps/0/expect/outcome",
    "    expected  hit",
    "    seen      mapped",
    "  first event that differs, in /steps/3",
    "    expected  free (gfn 0x5, level 1)",
    "    seen      nothing more",
    "  responsible: kvm_mmu_invalidate_zap_pages_in_memslot (patch 11)",
    "  equals layer 9 as promised, 10 as merged",
    "",
    suite("1 conform, 1 fail"),
    "",
    "2 cases: 1 conform, 1 fail, 0 not assessed",
  ]);
});

test("of many violations the first three are told; a case of every layer has no patch", () => {
  const violations = [1, 2, 3, 4, 5].map((n) => ({
    ...{ pointer: `/steps/${n}`, expected: "a", seen: "b" },
  }));
  const scenario = aCase({ patch: 0, id: "all.small.case" });
  const text = plain(runText(aReport([aFailure({ violations, scenario })])));
  expect(text.filter((line) => line.startsWith("  at "))).toEqual([
    ...["  at /steps/1", "  at /steps/2", "  at /steps/3"],
  ]);
  expect(text).toContain("  and 2 more");
  expect(text).toContain("  responsible: kvm_mmu_invalidate_zap_pages_in_memslot");
  expect(text.some((line) => line.startsWith("  equals"))).toBe(false);
});

test("what left the conversation is told with its last words", () => {
  const crash = aResult({
    verdict: "crashed",
    violations: [{ pointer: "", expected: "the run goes on", seen: "it exited with status 101" }],
    log: ["panic: index out of bounds", "  in handle_access"],
  });
  const text = plain(runText(aReport([crash], { restarts: 1 })));
  expect(text.slice(2, 10)).toEqual([
    "CRASHED p11.small.case",
    "  A small case that is true",
    "  at the start of the case",
    "    expected  the run goes on",
    "    seen      it exited with status 101",
    "  its last words on stderr",
    "    panic: index out of bounds",
    "      in handle_access",
  ]);
  expect(text.at(-1)).toBe("its process was started again 1 time");
});

test("what is said to deviate and conforms is told; what does deviate is not", () => {
  const results = [
    aResult({ verdict: "unexpected-pass" }),
    aFailure({ verdict: "deviates" }),
    aResult({ verdict: "has-slip" }),
  ];
  const text = plain(runText(aReport(results)));
  expect(text.slice(2, 6)).toEqual([
    "UNEXPECTED PASS p11.small.case",
    "  A small case that is true",
    "  it conforms, and is said not to",
    "  responsible: kvm_mmu_invalidate_zap_pages_in_memslot (patch 11)",
  ]);
  expect(text.filter((line) => /^[A-Z]{4}/.test(line))).toHaveLength(1);
  expect(text.at(-1)).toBe(
    "3 cases: 0 conform, 1 with a slip, 1 known to deviate, 0 fail, 1 unexpectedly pass, 0 not assessed",
  );
});

test("what was not assessed is told by what most cases need, and what was left out or not run", () => {
  const needs = (...missing: string[]) => aResult({ verdict: "not-assessed", missing });
  const results = [needs("event:free"), needs("event:commit", "event:free"), aResult()];
  const text = plain(runText(aReport(results, { leftOut: 1, notRun: 2 })));
  expect(text.slice(-5)).toEqual([
    "not assessed for want of  event:free (2 cases), event:commit (1 case)",
    "",
    "3 cases: 1 conform, 0 fail, 2 not assessed",
    "1 case of these patches left out: about other compositions",
    "2 cases not run",
  ]);
});

test("what was found to be missing on the way is told first", () => {
  const needs = (...missing: string[]) => aResult({ verdict: "not-assessed", missing });
  const many = Array.from({ length: 9 }, (_, i) => needs(`point:p${i}`));
  const text = plain(runText(aReport([...many, ...many, needs("a clock that can be read")])));
  expect(text.join("\n")).toContain(
    "not assessed for want of  a clock that can be read (1 case), ",
  );
});

test("whatever an implementation says is shown, and does nothing to the terminal", () => {
  const lines = runText(hostileReport()).map((line) => plain([line])[0]!);
  expectNarrow(lines);
  // eslint-disable-next-line no-control-regex
  expect(lines.filter((line) => /[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/.test(line))).toEqual(
    [],
  );
  const text = lines.map((line) => line.trim()).join(" ");
  expect(text).toContain(`seen      ${HARMLESS}`);
  expect(text).toContain(`its last words on stderr ${HARMLESS}`);
});

describe("the line of a suite", () => {
  const many = (count: number, result: ReturnType<typeof aResult>) =>
    Array.from({ length: count }, () => result);
  const missing = ["event:free"];
  const notAssessed = aResult({ verdict: "not-assessed", missing });

  test("has room for what it counts", () => {
    const results = [...many(100, aResult()), ...many(100, notAssessed), ...many(100, aFailure())];
    const lines = plain(runText(aReport(results)));
    expectNarrow(lines);
    const line = lines.find((each) => each.startsWith("11 "));
    expect(line).toMatch(/… 100 conform, 100 fail, 100 not assessed$/);
  });

  test("is several lines when there is much to count", () => {
    const kinds = ["has-slip", "has-remedy", "deviates", "timed-out", "protocol-error"] as const;
    const results = [aResult(), aFailure(), ...kinds.map((verdict) => aFailure({ verdict }))];
    const lines = plain(runText(aReport(results)));
    expectNarrow(lines);
    const at = lines.indexOf(`11 ${TITLE}`);
    expect(lines.slice(at + 1, at + 9)).toEqual([
      ...[
        "     1 conform",
        "     1 with a slip",
        "     1 with a remedy",
        "     1 known to deviate",
      ],
      ...["     1 fail", "     1 timed out", "     1 protocol error", ""],
    ]);
  });
});
