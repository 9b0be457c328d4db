import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { treeOf } from "../../src/conformance/case-tree.ts";
import { type Finding, identify, type Identification } from "../../src/conformance/identify.ts";
import { type Composition, composeSet, composeThrough } from "../../src/reference/compose.ts";
import { errata, GAPS, SLIPS } from "../../src/reference/errata/index.ts";
import { patches } from "../../src/reference/layers/index.ts";
import { loadCases } from "../../src/scenario/load-cases.ts";
import { type LiveKernel, resultsOn } from "../../test/support/live-kernel.ts";
import { describeReference } from "../support/against.ts";

// The first one pays for what the others find computed; on a busy machine that may take a while.
vi.setConfig({ testTimeout: 600_000 });

const cases = loadCases();

/** What is said of a part that is not so. */
function mistakes({ findings }: Identification, composition: Composition): Finding[] {
  const there = new Set([...composition.patches, ...composition.slips, ...composition.remedies]);
  return findings.filter(
    ({ part, state }) => state !== "undetermined" && there.has(part) !== (state === "present"),
  );
}

/** Identifies what does as a composition does, of which nothing may be said that is not so. */
function identified(composition: Composition, kernel: LiveKernel): Identification {
  const results = resultsOn(composition, kernel, cases);
  const found = identify(results);
  expect(mistakes(found, composition)).toEqual([]);
  expect(found.divergences).toEqual([]);
  // Evidence is what was seen, and agrees with what is found.
  const { candidate } = found;
  const parts = new Set([...candidate.patches, ...candidate.errata]);
  for (const finding of found.findings) {
    if (finding.state === "undetermined") continue;
    const seen = results.find(({ scenario }) => scenario.id === finding.by[0])!;
    const { holds } = treeOf(seen.scenario).outcome((part) => parts.has(part));
    expect(seen.verdict).toBe(holds ? "conforms" : "fails");
  }
  return found;
}

/** Layers that a kernel is not told apart from, by what is offered. */
const BY_MODULES = [[0, 1], [2, 3, 4, 5, 6], [7], [8, 9, 10], [11, 12, 13, 14], [15, 16], [17, 18]];
const FROM_19 = [[19], [20], [21], [22, 23, 24, 25, 26, 27]];

const numbers = Array.from({ length: patches.length + 1 }, (_, number) => number);

describeReference("a kernel is named by what can be seen of it from outside", () => {
  test.each(numbers)("layer %i as promised", (number) => {
    const found = identified(composeThrough(number), "modules");
    const range = [...BY_MODULES, ...FROM_19].find((layers) => layers.includes(number));
    expect(found.layers).toEqual(range);
    expect(found.candidate.errata).toEqual(new Set());
  });

  test.each(numbers)("layer %i as merged", (number) => {
    const found = identified(composeThrough(number, { slips: SLIPS }), "modules");
    // The slips of 6 and of 10 tell them from those below; those below may be they without.
    const ranges = [[6], [10], ...BY_MODULES, ...FROM_19];
    expect(found.layers).toEqual(ranges.find((each) => each.includes(number)));
    const slips = [...(number >= 6 ? ["E1"] : []), ...(number >= 10 ? ["E6"] : [])];
    expect([...found.candidate.errata]).toEqual(slips);
    // What no layer of the range has is not spoken of: E4 ends with 25, and 22 to 24 may have it.
    const told = found.findings.map(({ part }) => part).filter((part) => typeof part === "string");
    const possible = errata.filter(({ affects }) =>
      found.layers.some((last) => affects((patch) => patch <= last, new Set())),
    );
    expect(told.sort()).toEqual(expect.arrayContaining(possible.map(({ id }) => id)));
  });

  test.each(["builtIn", "noProbes", "long"] as const)("with the capabilities: %s", (kernel) => {
    for (const number of [0, 8, 10, 11, 18, 21, 27]) {
      const found = identified(composeThrough(number, { slips: SLIPS }), kernel);
      expect(found.layers).toContain(number);
    }
  });

  test("E4 is not spoken of where it cannot be", () => {
    const { findings } = identified(composeThrough(27, { slips: SLIPS }), "all");
    expect(findings.map(({ part }) => part)).not.toContain("E4");
    const { layers } = identified(composeThrough(24, { slips: SLIPS }), "all");
    expect(layers).toEqual([24]);
  });
});

/** Any set of patches that composes, with any errata. */
const compositions = fc
  .record({
    density: fc.double({ min: 0.1, max: 1, noNaN: true }),
    chances: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 27, maxLength: 27 }),
    slips: fc.subarray([...SLIPS]),
    remedies: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.subarray([...GAPS])),
  })
  .map(({ density, chances, slips, remedies }) => {
    const chosen = new Set<number>();
    for (const { number, requires } of patches) {
      const needs = Object.keys(requires).map(Number);
      if (chances[number - 1]! < density && needs.every((each) => chosen.has(each))) {
        chosen.add(number);
      }
    }
    return composeSet(chosen, { slips, remedies });
  });

describeReference("of a backport nothing is said that is not so", () => {
  test.each([
    { kernel: "modules", numRuns: 6 },
    { kernel: "all", numRuns: 1 },
  ] as const)(
    "with the capabilities: $kernel",
    ({ kernel, numRuns }) => {
      fc.assert(
        fc.property(compositions, (composition) => {
          const { patches, slips, remedies } = composition;
          fc.pre(patches.length > 0);
          expect([patches, slips, remedies], "composed").toBeDefined();
          identified(composition, kernel);
        }),
        { seed: 13, numRuns, endOnFailure: true },
      );
    },
    600_000,
  );
});
