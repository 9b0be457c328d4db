import { describe, expect, test } from "vitest";
import { matrixJson } from "../../src/report/matrix-json.ts";
import { mutantsJson } from "../../src/report/mutants-json.ts";
import { isClean, type Report, reportJson } from "../../src/report/report.ts";
import { runJson } from "../../src/report/run-json.ts";
import { wire } from "../support/records.ts";
import { expectOutput } from "../support/output-schema.ts";
import { aFailure, aKill, aLine, aReport, aResult, aRow, UNSEEN } from "../support/results.ts";

const FROM_11 = "...........#";

test("a run as JSON: each result without its case, and how many went how", () => {
  const firstDifference = { pointer: "/steps/1", expected: null, seen: wire("free", { level: 1 }) };
  const violations = [{ pointer: "/steps/0", expected: "the run goes on", seen: "it is gone" }];
  const document = runJson(
    aReport(
      [
        aFailure({ equals: ["9"], firstDifference }),
        aResult(),
        aResult({ verdict: "not-assessed", missing: ["event:free"] }),
        aResult(),
        aFailure({ verdict: "deviates" }),
        aResult({ verdict: "unexpected-pass" }),
        aResult({ verdict: "has-slip" }),
        aResult({ verdict: "has-remedy" }),
        aResult({ verdict: "crashed", violations, log: ["panic"] }),
        aResult({ verdict: "timed-out", violations }),
        aResult({ verdict: "protocol-error", violations }),
      ],
      { leftOut: 3, notRun: 2, restarts: 1, unseen: UNSEEN },
    ),
  );
  expectOutput(document, "run");
  const { results, summary, ...head } = document;
  expect(head).toEqual({
    ...{ kind: "run", format: 1, implementation: { name: "mine", version: "1.0" } },
    ...{ claim: "layer 11 as promised", leftOut: 3, notRun: 2, restarts: 1 },
    deviationsNotSeen: UNSEEN,
  });
  expect(summary).toEqual({
    ...{ conforms: 2, "has-slip": 1, "has-remedy": 1, deviates: 1, fails: 1 },
    ...{ "unexpected-pass": 1, crashed: 1, "timed-out": 1, "protocol-error": 1 },
    "not-assessed": 1,
  });
  expect(results[0]).toEqual({
    ...{ id: "p11.small.case", patch: 11, title: "A small case that is true" },
    ...{ function: "kvm_mmu_invalidate_zap_pages_in_memslot", verdict: "fails" },
    violations: [{ pointer: "/steps/0/expect/outcome", expected: "hit", seen: "mapped" }],
    ...{ missing: [], equals: ["9"], firstDifference, log: [] },
  });
  expect(results[8]).toMatchObject({ verdict: "crashed", log: ["panic"] });
});

test("the matrix as JSON: rows, what contradicts them, and which patches are told apart", () => {
  const document = matrixJson([
    aLine([aRow("promised", FROM_11), aRow("merged", FROM_11, "..........##")]),
    aLine([aRow("E1 defect", "#", "?")], { id: "p12.a", patch: 12 }),
  ]);
  expectOutput(document, "matrix");
  expect(document.layers).toBe(28);
  const [first, second] = document.cases;
  expect(first).toMatchObject({ id: "p11.small.case", patch: 11, proof: "layer" });
  expect(first!.rows.map(({ under, contradictions }) => [under, contradictions])).toEqual([
    ["promised", []],
    ["merged", [10]],
  ]);
  expect(first!.rows[0]!.holds).toEqual(Array.from({ length: 28 }, (_, layer) => layer >= 11));
  expect(second!.rows[0]!.declared).toEqual(Array.from({ length: 28 }, () => null));
  const apart = Object.entries(document.discriminated).filter(([, told]) => told);
  expect(apart).toEqual([["11", true]]);
  expect(Object.keys(document.discriminated)).toHaveLength(27);
});

test("the kill table as JSON: who rejects what, and what survives", () => {
  const harmless = { ...aKill([], { id: "p11.harmless", title: "is it" }), alsoBy: ["all.a"] };
  const document = mutantsJson([aKill(["p11.a"]), harmless]);
  expectOutput(document, "mutants");
  expect(document).toEqual({
    ...{ kind: "mutants", format: 1 },
    mutants: [
      {
        ...{ id: "p11.forgetful", patch: 11, title: "zaps everything, as before" },
        ...{ killedBy: ["p11.a"], alsoRejectedBy: [] },
      },
      {
        ...{ id: "p11.harmless", patch: 11, title: "is it" },
        ...{ killedBy: [], alsoRejectedBy: ["all.a"] },
      },
    ],
    survivors: ["p11.harmless"],
  });
});

describe("a report", () => {
  const good: Report = {
    run: aReport(),
    lines: [aLine([aRow("promised", FROM_11)])],
    kills: [aKill(["p11.a"])],
  };

  test("as JSON is the three of them", () => {
    const document = reportJson(good);
    expectOutput(document, "report");
    expect(document).toMatchObject({
      run: { claim: "layer 11 as promised", implementation: { name: "mine" }, results: [{}] },
      matrix: { cases: [{}] },
      mutants: { mutants: [{}], survivors: [] },
    });
  });

  test.each<{ what: string; changes: Partial<Report>; clean: boolean }>([
    { what: "all is well", changes: {}, clean: true },
    { what: "a case fails", changes: { run: aReport([aResult(), aFailure()]) }, clean: false },
    {
      what: "a case was not assessed",
      changes: {
        run: aReport([aResult({ verdict: "not-assessed", missing: ["event:free"] })]),
      },
      clean: false,
    },
    {
      what: "a row is not as declared",
      changes: { lines: [aLine([aRow("promised", "#"), aRow("merged", "#", ".#")])] },
      clean: false,
    },
    { what: "a mutant survives", changes: { kills: [aKill(["p11.a"]), aKill([])] }, clean: false },
  ])("is clean: $clean, when $what", ({ changes, clean }) => {
    expect(isClean({ ...good, ...changes })).toBe(clean);
  });
});
