import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { referenceImplementation } from "../../src/adapters/reference/reference-implementation.ts";
import { presetNames, readDeviations } from "../../src/cli/deviations-option.ts";
import { type Claim, claimLayer, claimSet } from "../../src/conformance/claim.ts";
import {
  applyDeviations,
  type Deviation,
  type Deviations,
  DeviationsError,
  isLookedAt,
  parseDeviations,
} from "../../src/conformance/deviations.ts";
import type { Verdict } from "../../src/conformance/run-cases.ts";
import { runSuites } from "../../src/conformance/run-suites.ts";
import type { Case } from "../../src/scenario/case.generated.ts";
import { loadCases } from "../../src/scenario/load-cases.ts";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";
import { aCase } from "../support/a-case.ts";
import { aResult } from "../support/results.ts";
import { verdictsOf } from "../support/verdicts.ts";

const because = { reason: "It is so.", link: "https://example.org/1" };
const parse = (document: unknown): Deviations =>
  parseDeviations(typeof document === "string" ? document : JSON.stringify(document), "mine.json");

describe("a file of deviations", () => {
  test("may say what is under test, and where it differs", () => {
    const document = {
      about: "Mine.",
      claim: { patches: "1-3", slips: "E1", because: "I say so." },
      deviations: [
        { case: "p03.a.case", ...because },
        { patch: 0, ...because },
      ],
    };
    expect(parse(document)).toEqual(document);
  });

  test("is as docs/testing.md shows one", () => {
    const text = readFileSync(join(PACKAGE_ROOT, "docs/testing.md"), "utf8");
    const { claim, deviations } = parse(/^```json\n([\s\S]*?)^```/m.exec(text)![1]);
    expect(claim).toMatchObject({ layer: "8" });
    const known = new Set(loadCases().map(({ id }) => id));
    expect(deviations.map((entry) => entry.patch ?? known.has(entry.case!))).toEqual([true, 3]);
  });

  test.each<[string, unknown, string]>([
    ["no JSON", "{", "mine.json is not JSON: "],
    ["no list", {}, "mine.json, /: must have required property 'deviations'"],
    [
      "no reason",
      one({ case: "all.a", link: because.link }),
      "must have required property 'reason'",
    ],
    ["no link", one({ case: "all.a", reason: "b" }), "must have required property 'link'"],
    [
      "a link to a file",
      one({ case: "all.a", reason: "b", link: "file:///b" }),
      "/deviations/0/link: ",
    ],
    ["of nothing", one(because), "/deviations/0: must match exactly one schema in oneOf"],
    [
      "of a case and a patch",
      one({ case: "all.a", patch: 1, ...because }),
      "/deviations/0: must match",
    ],
    ["no id of a case", one({ case: "a b", ...because }), "/deviations/0/case: must match pat"],
    ["of a patch 28", one({ patch: 28, ...because }), "/deviations/0/patch: must be <= 27"],
    ["a claim of nothing", { claim: {}, deviations: [] }, "/claim: must NOT have fewer than 1"],
    [
      "a layer that is no text",
      { claim: { layer: 8 }, deviations: [] },
      "/claim/layer: must be str",
    ],
    ["something else", { deviations: [], other: 1 }, "must NOT have additional properties"],
  ])("cannot be used: %s", (_what, document, message) => {
    const error = thrownBy(() => parse(document));
    expect(error).toBeInstanceOf(DeviationsError);
    expect((error as Error).message).toContain(message);
    expect((error as Error).message).not.toContain("\n");
  });

  function one(entry: object): object {
    return { deviations: [entry] };
  }
});

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return null;
}

describe("the verdicts of cases with known deviations", () => {
  const ofCase: Deviation = { case: "p03.listed", ...because };
  const ofPatch: Deviation = { patch: 3, ...because };
  const result = (id: string, verdict: Verdict, patch = 3) =>
    aResult({ scenario: aCase({ id, patch }), verdict });
  const applied = (results: ReturnType<typeof result>[], ...deviations: Deviation[]) => {
    const { results: marked, unused } = applyDeviations(results, { deviations });
    return { verdicts: marked.map(({ verdict }) => verdict), unused };
  };

  test.each<[Verdict, Verdict]>([
    ["fails", "deviates"],
    ["conforms", "unexpected-pass"],
    ["has-slip", "unexpected-pass"],
    ["has-remedy", "unexpected-pass"],
    ["not-assessed", "not-assessed"],
    ["crashed", "crashed"],
    ["timed-out", "timed-out"],
    ["protocol-error", "protocol-error"],
  ])("a case that is listed and %s: %s", (verdict, expected) => {
    const found = applied([result("p03.listed", verdict), result("p03.other", verdict)], ofCase);
    expect(found).toEqual({ verdicts: [expected, verdict], unused: [] });
  });

  test.each<[Verdict, Verdict]>([
    ["fails", "deviates"],
    ["conforms", "conforms"],
    ["not-assessed", "not-assessed"],
    ["crashed", "crashed"],
  ])("a case of a patch that is listed and %s: %s", (verdict, expected) => {
    const results = [
      result("p03.a", verdict),
      result("p03.b", "fails"),
      result("p04.a", "fails", 4),
    ];
    expect(applied(results, ofPatch)).toEqual({
      verdicts: [expected, "deviates", "fails"],
      unused: [],
    });
  });

  test("an entry of a patch none of whose cases deviates is unused", () => {
    const results = [result("p03.a", "conforms"), result("p03.b", "crashed")];
    expect(applied(results, ofPatch).unused).toEqual([ofPatch]);
  });

  test("an entry of a case that was not played is unused", () => {
    expect(applied([result("p03.a", "fails")], ofCase)).toEqual({
      verdicts: ["fails"],
      unused: [ofCase],
    });
  });

  test("a case's own entry comes before that of its patch, wherever it stands", () => {
    const results = [result("p03.listed", "conforms"), result("p03.other", "fails")];
    const verdicts = ["unexpected-pass", "deviates"];
    expect(applied(results, ofPatch, ofCase)).toEqual({ verdicts, unused: [] });
    expect(applied(results, ofCase, ofPatch)).toEqual({ verdicts, unused: [] });
  });
});

test("a deviation can be seen by whoever chose all that it is about", () => {
  const scenario = (id: string, patch: number) => aCase({ id, patch });
  const all = [scenario("p03.a", 3), scenario("p03.b", 3), scenario("p04.a", 4)];
  const [a, b] = all as [Case, Case];
  const seen = (entry: { case: string } | { patch: number }, ...chosen: Case[]) =>
    isLookedAt({ ...entry, ...because }, chosen, all);
  expect([seen({ case: "p03.a" }, a), seen({ case: "p03.a" }, b)]).toEqual([true, false]);
  expect([seen({ patch: 3 }, a), seen({ patch: 3 }, a, b)]).toEqual([false, true]);
  expect([seen({ patch: 4 }, a, b), seen({ patch: 4 }, ...all)]).toEqual([false, true]);
  // What nobody can see any more is told when everything is played.
  expect([seen({ case: "p03.gone" }, a, b), seen({ case: "p03.gone" }, ...all)]).toEqual([
    ...[false, true],
  ]);
});

interface Preset {
  readonly name: string;
  readonly said: NonNullable<Deviations["claim"]>;
  /** What that means. */
  readonly claim: Claim;
  /** Of the generation in an MMIO SPTE. */
  readonly bits?: number;
  /** A kernel beside it, and a case in which it shows that it is another one. */
  readonly neighbour: string;
  readonly shows: string;
  /** Cases that fail on such a kernel for what has nothing to do with the series. */
  readonly deviates?: readonly string[];
}

const allBut11 = Array.from({ length: 27 }, (_, i) => i + 1).filter((patch) => patch !== 11);
const LATER = [1, 2, 3, 4, 5, 6, 7, 8, 10];

const PRESETS: readonly Preset[] = [
  {
    ...{ name: "v5.0", said: { layer: "0" } },
    ...{ claim: claimLayer(0), neighbour: "as-merged" },
    // Pages of a flooded table are not freed for E6.
    shows: "all.write-flooding.page-freed",
  },
  {
    ...{ name: "as-merged", said: { layer: "27", slips: "E1,E6" } },
    ...{ claim: claimLayer(27, ["E1", "E6"]), neighbour: "v5.1" },
    shows: "E6.defect.empty-deletion-flushes",
  },
  {
    ...{ name: "v5.1", said: { layer: "27", slips: "E1" } },
    ...{ claim: claimLayer(27, ["E1"]), neighbour: "v5.2.11" },
    shows: "p11.other-slot.is-not-touched",
  },
  {
    ...{ name: "v5.2.11", said: { patches: "1-27,!11", slips: "E1" } },
    ...{ claim: claimSet(allBut11, ["E1"]), neighbour: "v5.1" },
    shows: "E3.defect.removal.no-end-after-20-breaks",
  },
  {
    ...{ name: "v5.3", said: { patches: "1-8,10", slips: "E1" } },
    ...{ claim: claimSet(LATER, ["E1"]), neighbour: "v5.13" },
    shows: "E1.defect.from-512-installs",
  },
  {
    ...{ name: "v5.6", said: { patches: "1-8,10", slips: "E1" }, bits: 18 },
    ...{ claim: claimSet(LATER, ["E1"]), neighbour: "v5.10" },
    shows: "E1.defect.from-512-installs",
  },
  {
    ...{ name: "v5.10", said: { patches: "1-8,10", remedies: "E8" }, bits: 18 },
    ...{ claim: claimSet(LATER, [], ["E8"]), neighbour: "v5.3" },
    shows: "E1.mended.boundary-at-1024",
  },
  {
    ...{ name: "v5.13", said: { patches: "1-8,10", remedies: "E8" } },
    ...{ claim: claimSet(LATER, [], ["E8"]), neighbour: "v5.3" },
    shows: "E1.mended.boundary-at-1024",
  },
  {
    ...{ name: "v6.1", said: { patches: "1-8,10,21,22", remedies: "E5,E8" } },
    ...{ claim: claimSet([...LATER, 21, 22], [], ["E5", "E8"]), neighbour: "v5.13" },
    shows: "E5.mended.new-ram-reached",
    deviates: ["all.region.malformed.rejected-unchanged", "p10.sync.emptied-table-is-freed"],
  },
];

describe.each(PRESETS)("preset $name", (preset) => {
  const { name, said, claim, bits = 19, neighbour, shows, deviates = [] } = preset;
  const runOn = ({ composition }: Claim, cases = loadCases()) =>
    runSuites([referenceImplementation(composition, "kernel")], {
      ...{ cases, claim, findErrata: false },
    });

  test("claims that, with reasons", () => {
    const because = expect.stringMatching(/\w/) as string;
    expect(readDeviations(name)).toEqual({
      $schema: "../schema/deviations.schema.json",
      about: expect.stringMatching(/^Linux /) as string,
      claim: { ...said, mmio_generation_bits: bits, because },
      deviations: deviates.map((id) => ({
        ...{ case: id, reason: because },
        link: expect.stringMatching(/^https:\/\/git\.kernel\.org\//) as string,
      })),
    });
  });

  test("is what the reference does when it is made like that, with nothing unused", async () => {
    const found = await runOn(claim);
    const { results, unused } = applyDeviations(found.results, readDeviations(name));
    expect(unused).toEqual([]);
    // What the series says nothing of, the reference does as the series had it.
    const passed = results.filter(({ verdict }) => verdict === "unexpected-pass");
    expect(passed.map(({ scenario }) => scenario.id).sort()).toEqual(deviates);
    const others = results.filter(({ verdict }) => verdict !== "unexpected-pass");
    const verdicts = verdictsOf({ ...found, results: others });
    const { slips, remedies } = claim.composition;
    const good = ["conforms", "has-slip", "has-remedy"];
    for (const verdict of verdicts) expect(good).toContain(verdict);
    expect(verdicts.has("has-slip")).toBe(slips.length > 0);
    expect(verdicts.has("has-remedy")).toBe(remedies.length > 0);
    expect(results.length).toBeGreaterThanOrEqual(44);
  });

  test(`is not what ${neighbour} does`, async () => {
    const other = PRESETS.find((preset) => preset.name === neighbour)!;
    const found = await runOn(
      other.claim,
      loadCases().filter(({ id }) => id === shows),
    );
    const { results } = applyDeviations(found.results, readDeviations(name));
    expect(results.map(({ verdict }) => verdict)).toEqual(["fails"]);
  });
});

test("every preset is here, and in docs/testing.md", () => {
  expect(PRESETS.map(({ name }) => name).sort()).toEqual(presetNames());
  const text = readFileSync(join(PACKAGE_ROOT, "docs/testing.md"), "utf8");
  const told = [...text.matchAll(/^\| `(v[\d.]+|as-merged)` +\|/gm)].map(([, name]) => name);
  expect(told.sort()).toEqual(presetNames());
});
