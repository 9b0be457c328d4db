import { describe, expect, test } from "vitest";
import { type Candidate, layerOf } from "../../src/conformance/candidate.ts";
import { CaseTree, treeOf } from "../../src/conformance/case-tree.ts";
import {
  affectingErrata,
  agrees,
  explanation,
  leastWrong,
  mostExplaining,
  type Observation,
} from "../../src/conformance/explain.ts";
import type { Has } from "../../src/reference/compose-lazily.ts";
import type { ErratumId } from "../../src/reference/patch.ts";
import { otherSlotGoes, otherSlotStays, ramIsReached } from "../support/small-cases.ts";

const candidate = (layer: number, ...errata: ErratumId[]): Candidate => ({
  patches: layerOf(layer),
  errata: new Set(errata),
});

/** What was seen of something that is so and so. */
const seen = (...attempts: ((has: Has) => boolean)[]): Observation[] =>
  attempts.map((attempt) => ({ tree: new CaseTree(attempt), holds: true }));

const smallOn = (layer: number): Observation[] =>
  [ramIsReached, otherSlotStays, otherSlotGoes].map((scenario) => {
    const tree = treeOf(scenario);
    return {
      tree,
      holds: tree.outcome((part) => candidate(layer).patches.has(Number(part))).holds,
    };
  });

describe("an explanation", () => {
  test("is where one starts if that explains everything", () => {
    const start = candidate(11, "E2");
    expect(explanation(smallOn(11), start)).toBe(start);
  });

  test("has a part more, with what it needs", () => {
    const found = explanation(smallOn(11), candidate(8))!;
    expect([...found.patches].sort((a, b) => a - b)).toEqual([...layerOf(11)]);
  });

  test("has a part less", () => {
    expect(explanation(smallOn(10), candidate(27))!.patches).not.toContain(11);
  });

  test("leaves alone what is fixed", () => {
    expect(explanation(smallOn(10), candidate(27), { fixed: new Set([11]) })).toBeNull();
  });

  test("has a patch and an erratum that shows only with it", () => {
    const both = seen((has) => has(10) && has("E6"));
    expect(explanation(both, candidate(8))).toEqual(
      expect.objectContaining({ errata: new Set(["E6"]) }),
    );
  });

  test("is not there for what contradicts itself", () => {
    const both = seen(
      (has) => has(3),
      (has) => !has(3),
    );
    expect(explanation(both, candidate(8))).toBeNull();
  });
});

describe("most is explained", () => {
  test("by the first start that explains everything, wherever it comes", () => {
    const starts = [candidate(0), candidate(10, "E1", "E6"), candidate(10, "E6")];
    const observed = seen(
      (has) => has(10),
      (has) => !has(11),
      (has) => has("E6"),
    );
    expect(mostExplaining(observed, starts)).toBe(starts[1]);
  });

  test("though no single change explains more", () => {
    const observed = seen(
      (has) => has("E1") === has(12),
      (has) => has("E1") && has(12),
    );
    const found = mostExplaining(observed, [candidate(8)]);
    expect(observed.every((each) => agrees(each, found))).toBe(true);
  });

  test("by the start from which one gets furthest", () => {
    const odd = seen(
      (has) => has(3),
      (has) => !has(3),
    );
    const found = mostExplaining([...odd, ...smallOn(11)], [candidate(0), candidate(27)]);
    expect(odd.filter((each) => agrees(each, found))).toHaveLength(1);
    expect(smallOn(11).every((each) => agrees(each, found))).toBe(true);
  });
});

test("errata are asked for where they make a difference", () => {
  expect(affectingErrata(layerOf(0))).toEqual(["E5", "E8"]);
  expect(affectingErrata(layerOf(14))).toContain("E4");
  expect(affectingErrata(layerOf(25))).not.toContain("E4");
});

test("of several candidates those that explain the same are told", () => {
  const choices = [candidate(27), candidate(27, "E1"), candidate(27, "E1", "E6")];
  expect(
    leastWrong(
      seen((has) => has("E1")),
      choices,
    ),
  ).toEqual(choices.slice(1));
});
