import { describe, expect, test } from "vitest";
import type { Implementation } from "../../src/adapters/implementation.ts";
import {
  recordOnReference,
  referenceImplementation,
} from "../../src/adapters/reference/reference-implementation.ts";
import { claimLayer, claimSet } from "../../src/conformance/claim.ts";
import type { CaseResult } from "../../src/conformance/run-cases.ts";
import { runAll, runSuites } from "../../src/conformance/run-suites.ts";
import { composeThrough, type CompositionOptions } from "../../src/reference/compose.ts";
import type { Case } from "../../src/scenario/case.generated.ts";
import { SLIPS } from "../../src/reference/errata/index.ts";
import { loadCases } from "../../src/scenario/load-cases.ts";
import { offers } from "../support/live-kernel.ts";
import { otherSlotGoes, otherSlotStays, ramIsReached } from "../support/small-cases.ts";

const like = (layer: number, options: CompositionOptions = {}): Implementation =>
  referenceImplementation(composeThrough(layer, options), "small");

const three = [ramIsReached, otherSlotStays, otherSlotGoes];
const ids = (results: readonly CaseResult[]) => results.map(({ scenario }) => scenario.id);
const verdicts = (results: readonly CaseResult[]) => results.map(({ verdict }) => verdict);

/** It notes what it runs, and takes its time. */
function slow(layer: number, ran: Case[], delay = 5): Implementation {
  const { record, ...rest } = like(layer);
  return {
    ...rest,
    record: async (scenario) => {
      ran.push(scenario);
      await new Promise((resolve) => setTimeout(resolve, delay));
      return record(scenario);
    },
  };
}

describe("cases run", () => {
  const many = Array.from({ length: 12 }, (_, i) => ({ ...ramIsReached, id: `all.small.${i}` }));

  test("each once, on whichever worker is free, and are told as they come", async () => {
    const [one, other]: [Case[], Case[]] = [[], []];
    const told: string[] = [];
    const results = await runAll([slow(27, one, 1), slow(27, other, 20)], many, undefined, (each) =>
      told.push(each.scenario.id),
    );
    expect(ids(results)).toEqual(many.map(({ id }) => id));
    expect(one.length + other.length).toBe(many.length);
    expect(one.length).toBeGreaterThan(other.length);
    expect(other.length).toBeGreaterThan(0);
    expect([...told].sort()).toEqual(ids(results).sort());
  });

  test("until somebody stops them; what is under way then says nothing", async () => {
    const controller = new AbortController();
    const ran: Case[] = [];
    const results = await runAll([slow(27, ran)], many, controller.signal, ({ scenario }) => {
      if (scenario === many[2])
        setTimeout(() => {
          controller.abort();
        });
    });
    expect(ids(results)).toEqual(many.slice(0, 3).map(({ id }) => id));
    expect(ran.length).toBeLessThanOrEqual(4);
    expect(await runAll([slow(27, ran)], many, AbortSignal.abort())).toEqual([]);
  });

  test("not at all without any", async () => {
    expect(await runAll([like(27)], [])).toEqual([]);
  });
});

describe("a run of the suites", () => {
  const options = { cases: three, claim: claimLayer(11), findErrata: true };

  test("has the cases that must hold, in their order, and tells how many they are", async () => {
    const told: [string, number][] = [];
    const { results, left, claim } = await runSuites([like(10)], {
      ...{ ...options, claim: claimLayer(10) },
      onResult: ({ scenario }, total) => {
        told.push([scenario.id, total]);
      },
    });
    expect(ids(results)).toEqual([ramIsReached.id]);
    expect(told).toEqual([[ramIsReached.id, 1]]);
    expect(left).toEqual([]);
    expect(claim).toEqual(claimLayer(10));
  });

  test("explains what fails", async () => {
    const { results } = await runSuites([like(10)], options);
    expect(verdicts(results)).toEqual(["conforms", "fails", "conforms"]);
    expect(results[1]!.equals).toContain("10");
    expect(results[1]!.equals).not.toContain("11");
  });

  test("says what it left when it was stopped", async () => {
    const controller = new AbortController();
    const { results, left } = await runSuites([like(11)], {
      ...{ ...options, signal: controller.signal },
      onResult: () => {
        controller.abort();
      },
    });
    expect(ids(results)).toEqual([ramIsReached.id]);
    expect(left).toEqual([otherSlotStays, otherSlotGoes]);
  });

  test("leaves what cannot be run, be it about an erratum or not", async () => {
    const ran: Case[] = [];
    const ofErratum = loadCases().find(({ id }) => id === "E2.defect.release-in-rmap-pass")!;
    const { results, left } = await runSuites([slow(11, ran)], {
      ...{ ...options, cases: [ofErratum, ...three] },
      canRun: (scenario) => scenario !== ofErratum && scenario !== otherSlotStays,
    });
    expect(ran).toEqual([ramIsReached, otherSlotGoes]);
    expect(ids(results)).toEqual([ramIsReached.id, otherSlotGoes.id]);
    expect(left).toEqual([ofErratum, otherSlotStays]);
  });
});

describe("the errata of an implementation are found by their cases", () => {
  const ofErrata = loadCases().filter(
    ({ erratum, steps }) =>
      (erratum === "E1" || erratum === "E2" || erratum === "E6") && steps.length < 100,
  );
  const claim = claimLayer(27);
  const run = (composition: CompositionOptions, findErrata = true) =>
    runSuites([like(27, composition)], { cases: ofErrata, claim, findErrata });
  const of = (results: readonly CaseResult[], erratum: string): CaseResult[] =>
    results.filter(({ scenario }) => scenario.erratum === erratum);

  test("as promised there is none, and the gaps are open", async () => {
    const found = await run({});
    expect(found.claim.composition).toMatchObject({ slips: [], remedies: [] });
    expect(new Set(verdicts(found.results))).toEqual(new Set(["conforms"]));
    for (const erratum of ["E1", "E2", "E6"]) {
      const proofs = new Set(of(found.results, erratum).map(({ scenario }) => scenario.proof));
      expect(proofs).toEqual(new Set([erratum === "E2" ? "defect" : "mended"]));
    }
  });

  test("slips and remedies have verdicts of their own", async () => {
    const found = await run({ slips: ["E1"], remedies: ["E2"] });
    expect(found.claim).toMatchObject({
      ...{ layer: 27, composition: { slips: ["E1"], remedies: ["E2"] } },
    });
    const told = (erratum: string, proof: Case["proof"]) =>
      new Set(
        verdicts(of(found.results, erratum).filter(({ scenario }) => scenario.proof === proof)),
      );
    expect(told("E1", "defect")).toEqual(new Set(["has-slip"]));
    expect(told("E2", "mended")).toEqual(new Set(["has-remedy"]));
    expect(new Set(verdicts(of(found.results, "E6")))).toEqual(new Set(["conforms"]));
  });

  test("unless the claim says which there are: then what is not so fails", async () => {
    const found = await run({ slips: ["E1"] }, false);
    expect(found.claim).toBe(claim);
    expect(new Set(verdicts(of(found.results, "E6")))).toEqual(new Set(["conforms"]));
    expect(verdicts(of(found.results, "E1"))).toContain("fails");
  });

  test("and then no others run than must hold", async () => {
    const ran: Case[] = [];
    const { results } = await runSuites([slow(27, ran, 0)], {
      ...{ cases: ofErrata, claim, findErrata: false },
    });
    expect(ran).toEqual(results.map(({ scenario }) => scenario));
    expect(ran.length).toBeLessThan(ofErrata.length);
  });

  test("by none of a patch that is not there", async () => {
    const ran: Case[] = [];
    const { results } = await runSuites([slow(3, ran, 0)], {
      ...{ cases: ofErrata, claim: claimSet([1, 2, 3]), findErrata: true },
    });
    expect([ran, results]).toEqual([[], []]);
  });

  test("and each case runs once", async () => {
    const ran: Case[] = [];
    await runSuites([slow(27, ran, 0)], { cases: ofErrata, claim, findErrata: true });
    expect(new Set(ran).size).toBe(ran.length);
  });
});

describe("errata of a kernel that cannot show all of them", () => {
  // A TLB that keeps nothing, as real kernels in QEMU were found to have.
  const isOdd = ({ id, erratum, proof }: Case): boolean =>
    id === "E6.defect.translations-of-zapped-tables-live-on" ||
    (erratum === "E6" && proof === "mended");
  const merged = composeThrough(27, { slips: SLIPS });

  /** As merged, from outside; but odd cases go as promised. */
  const kernel: Implementation = {
    name: "a kernel",
    offers: (name) => offers("modules", merged, name),
    record: (scenario) =>
      recordOnReference(isOdd(scenario) ? composeThrough(27) : merged, scenario),
  };
  const cases = loadCases().filter(({ steps }) => steps.length < 100);

  test("are found by all cases in which they show, not by their own alone", async () => {
    const { claim } = await runSuites([kernel], { cases, claim: claimLayer(27), findErrata: true });
    expect(claim.composition.slips).toEqual(["E1", "E6"]);
  });

  test("are none where nothing is seen", async () => {
    const blind: Implementation = { ...kernel, offers: () => false };
    const run = { cases, claim: claimLayer(27), findErrata: true };
    expect((await runSuites([blind], run)).claim.composition.slips).toEqual([]);
  });
});
