import { describe, expect, test } from "vitest";
import { type Finding, identify } from "../../src/conformance/identify.ts";
import { holds } from "../../src/conformance/holds.ts";
import type { CaseResult } from "../../src/conformance/run-cases.ts";
import { composeSet, composeThrough, type Composition } from "../../src/reference/compose.ts";
import { SLIPS } from "../../src/reference/errata/index.ts";
import type { Case } from "../../src/scenario/case.generated.ts";
import { loadCases } from "../../src/scenario/load-cases.ts";
import { aResult } from "../support/results.ts";

/** Of each patch and each erratum a few cases that are about what it changes. */
function* chosen(): Generator<Case> {
  const taken = new Map<string, number>();
  for (const scenario of loadCases()) {
    const { patch, erratum, proof, steps } = scenario;
    if (proof === "invariant" || steps.length > 100) continue;
    const kind = `${erratum ?? patch} ${erratum === undefined ? "" : proof}`;
    const before = taken.get(kind) ?? 0;
    if (before < 3) yield scenario;
    taken.set(kind, before + 1);
  }
}

const cases = [...chosen()];

const resultsOn = (composition: Composition, some = cases): CaseResult[] =>
  some.map((scenario) =>
    aResult({ scenario, verdict: holds(scenario, composition) ? "conforms" : "fails" }),
  );

const through = (last: number): number[] => Array.from({ length: last }, (_, i) => i + 1);
const patchesOf = ({ candidate }: ReturnType<typeof identify>): number[] =>
  [...candidate.patches].sort((a, b) => a - b);

const finding = (findings: readonly Finding[], part: Finding["part"]) =>
  findings.find((each) => each.part === part);

describe("a layer is found,", () => {
  test.each([0, 3, 8, 14, 27])("as promised: %i", (number) => {
    const results = resultsOn(composeThrough(number));
    const found = identify(results);
    expect(found.layer).toBe(number);
    expect(patchesOf(found)).toEqual(through(number));
    expect(found.candidate.errata).toEqual(new Set());
    expect(found.divergences).toEqual([]);
    expect(found.assessed).toBe(cases.length);
  });

  test("as merged: 27", () => {
    const merged = composeThrough(27, { slips: SLIPS });
    const found = identify(resultsOn(merged));
    expect(found.layer).toBe(27);
    expect([...found.candidate.errata].sort()).toEqual([...merged.slips].sort());
    expect(found.divergences).toEqual([]);
  });
});

test.each([3, 11])("a series without one patch is found: %i", (left) => {
  const without = composeSet(through(27).filter((patch) => patch !== left));
  const found = identify(resultsOn(without));
  expect(found.candidate.patches.has(left)).toBe(false);
  expect(found.layer).toBeNull();
  expect(found.divergences).toEqual([]);
  expect(finding(found.findings, left)).toMatchObject({ part: left, state: "absent" });
});

test("a slip and a remedy are found beside the patches", () => {
  const found = identify(resultsOn(composeThrough(27, { slips: ["E1"], remedies: ["E2"] })));
  expect(found.layer).toBe(27);
  expect(found.candidate.errata).toEqual(new Set(["E1", "E2"]));
  expect(finding(found.findings, "E1")).toMatchObject({ state: "present" });
  expect(finding(found.findings, "E6")).toMatchObject({ state: "absent" });
  expect(found.divergences).toEqual([]);
});

describe("of each part is said", () => {
  const { findings } = identify(resultsOn(composeThrough(14)));

  test("something, in order", () => {
    expect(findings.map(({ part }) => part)).toEqual([
      ...through(27),
      ...["E1", "E4", "E6", "E2", "E3", "E5", "E7", "E8"],
    ]);
  });

  test("by which case it shows, one of its own if there is one", () => {
    for (const part of [3, 11, "E7"] as const) {
      const { by } = finding(findings, part) as { by?: readonly string[] };
      const { patch, erratum } = cases.find(({ id }) => id === by?.[0])!;
      expect([patch, erratum]).toContain(part);
    }
    expect(finding(findings, 11)).toMatchObject({ part: 11, state: "present" });
    expect(finding(findings, 21)).toMatchObject({ part: 21, state: "absent" });
  });

  test("that nobody can tell, when it changes nothing that is seen here", () => {
    expect(finding(findings, 9)).toMatchObject({ part: 9, state: "present" });
    const few = identify(resultsOn(composeThrough(14), cases.slice(0, 5)));
    expect(finding(few.findings, 25)).toEqual({ part: 25, state: "undetermined", missing: [] });
  });

  test("what is missing to tell, when the cases that could were not assessed", () => {
    const missing = ["event:commit", "probe:encode_generation"];
    const results = resultsOn(composeThrough(14)).map((result) =>
      result.scenario.patch === 3
        ? { ...result, verdict: "not-assessed" as const, missing }
        : result,
    );
    const own = results.filter(({ scenario }) => scenario.patch === 3);
    const found = identify([...own, ...results.filter(({ scenario }) => scenario.patch === 12)]);
    expect(found.assessed).toBe(results.filter(({ scenario }) => scenario.patch === 12).length);
    expect(finding(found.findings, 3)).toEqual({ part: 3, state: "undetermined", missing });
  });
});

describe("what does not fit is named", () => {
  const [first, ...rest] = resultsOn(composeThrough(14)).filter(
    ({ scenario, verdict }) => scenario.patch === 13 && verdict === "conforms",
  );

  test("when a case fails that nothing explains", () => {
    const odd: CaseResult = { ...first!, verdict: "fails" };
    const others = resultsOn(composeThrough(14)).filter(
      ({ scenario }) => scenario !== first!.scenario,
    );
    const found = identify([odd, ...others]);
    expect(found.layer).toBe(14);
    expect(found.divergences).toEqual([odd]);
    expect(rest.length).toBeGreaterThan(0);
  });

  test.each(["crashed", "timed-out", "protocol-error", "not-assessed"] as const)(
    "but not who left the conversation: %s",
    (verdict) => {
      const results = resultsOn(composeThrough(14));
      const lost = results.map((result) =>
        result.scenario === first!.scenario ? { ...result, verdict } : result,
      );
      const found = identify(lost);
      expect(found.layer).toBe(14);
      expect(found.divergences).toEqual([]);
      expect(found.assessed).toBe(cases.length - 1);
    },
  );
});

test("without any result it is nothing in particular", () => {
  const found = identify([]);
  expect(found).toMatchObject({ layer: 0, assessed: 0, divergences: [] });
  expect(new Set(found.findings.map(({ state }) => state))).toEqual(new Set(["undetermined"]));
});
