import { describe, expect, test } from "vitest";
import {
  composeSubject,
  loadObligation,
  obligationIds,
  searchSubject,
  type Subject,
} from "../../src/explore/obligation.ts";
import { ALWAYS, PROPERTIES } from "../../src/explore/properties/index.ts";
import type { Scenario } from "../../src/explore/scenario.ts";
import { search } from "../../src/explore/search.ts";
import { POINTS } from "../../src/reference/machine/thread.ts";

/** What no obligation is about: where it does not hold, and where it does, in a scenario of one. */
const OTHERS: readonly {
  readonly property: string;
  readonly of: string;
  readonly broken: Subject;
  readonly kept: Subject;
}[] = [
  {
    property: "removed",
    of: "11",
    broken: { layer: 11, mutant: "p11.end-forgotten" },
    kept: { layer: 11 },
  },
  {
    property: "flush-owed",
    of: "11",
    broken: { layer: 11 },
    kept: { layer: 27, remedies: ["E2"] },
  },
  {
    property: "freed",
    of: "22",
    broken: { layer: 24, mutant: "p24.slot-flush-goes-with-it" },
    kept: { layer: 24 },
  },
  {
    property: "warn",
    of: "E5",
    broken: { layer: 8, mutant: "p08.hook-given-flagged-number" },
    kept: { layer: 8 },
  },
  {
    property: "deadlock",
    of: "22",
    broken: { layer: 21, mutant: "p21.lock-not-released" },
    kept: { layer: 21 },
  },
];

const broken = (subject: Subject, scenario: Scenario): string[] => {
  const { violations } = search(composeSubject(subject), scenario, { properties: PROPERTIES });
  return violations.map(({ property }) => property);
};

describe("each property is missed if it is not there:", () => {
  const shown = new Set(OTHERS.map(({ property }) => property));
  for (const id of obligationIds()) shown.add(loadObligation(id).property);

  test.each([...PROPERTIES.map(({ id }) => id), "deadlock", "livelock"])("%s", (id) => {
    expect([...shown]).toContain(id);
  });

  test.each(OTHERS)("$property, which no obligation is about", ({ property, of, ...subjects }) => {
    const { scenario } = loadObligation(of);
    expect(broken(subjects.broken, scenario)).toContain(property);
    expect(broken(subjects.kept, scenario)).not.toContain(property);
  });
});

test("what must hold in any scenario does, where no erratum breaks it", () => {
  const remedies = ["E2", "E3", "E5", "E7", "E8"] as const;
  for (const id of ["03", "11", "22", "E5", "E6"]) {
    const found = broken({ layer: 27, remedies }, loadObligation(id).scenario);
    expect(
      found.filter((property) => ALWAYS.includes(property) || property === "deadlock"),
    ).toEqual([]);
  }
});

/** Obligations, small ones, whose spaces have less in them if threads do not stop at a point. */
const STOPS_AT = new Map([
  ["guest.enter", "01"],
  ["mmu_lock.break", "16"],
  ["spte.check", "01"],
]);

test.each(POINTS)("the figures of an obligation tell whether threads stop at %s", (point) => {
  const obligation = loadObligation(STOPS_AT.get(point) ?? "03");
  const subject = obligation.reachable[0]!;
  const [, whole] = searchSubject(obligation, subject);
  const [, coarse] = searchSubject(obligation, subject, { passed: [point] });
  expect(coarse.states).toBeLessThan(whole.states);
});

test("an access that began before the publication may still find no memory", () => {
  const { scenario } = loadObligation("03");
  const first = scenario.threads["vcpu"]!.slice(0, 1);
  const once = { ...scenario, threads: { ...scenario.threads, vcpu: first } };
  expect(broken({ layer: 2 }, once)).not.toContain("published");
  expect(broken({ layer: 2 }, scenario)).toContain("published");
});
