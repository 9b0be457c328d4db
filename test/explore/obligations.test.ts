import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { recordOnReference } from "../../src/adapters/reference/reference-implementation.ts";
import { judge } from "../../src/conformance/judge.ts";
import {
  checkObligation,
  composeSubject,
  loadObligation,
  OBLIGATION_FIGURES,
  obligationIds,
  propertyOf,
  readObligation,
  searchSubject,
  WITNESSES,
} from "../../src/explore/obligation.ts";
import { witnessCase } from "../../src/explore/witness-case.ts";
import type { Point } from "../../src/reference/machine/thread.ts";
import { figuresLine } from "../../src/report/obligation-figures.ts";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";
import { parseCase } from "../../src/scenario/parse-case.ts";

const page = readFileSync(join(PACKAGE_ROOT, OBLIGATION_FIGURES), "utf8");
/** Rows as they were written, without the padding of a formatter. */
const rows = page.split("\n").map((line) => line.replace(/\s+/g, " "));

describe.each(obligationIds())("obligation %s", (id) => {
  const obligation = loadObligation(id);

  test("holds in both directions, with the figures that are told", { timeout: 300_000 }, () => {
    expect(obligation.id).toBe(id);
    for (const checked of checkObligation(obligation)) {
      const line = figuresLine(obligation, checked);
      expect(checked.holds, line).toBe(true);
      expect(rows).toContain(line);
    }
  });

  test("is about a property that is known", () => {
    expect(obligation.property === "livelock" || propertyOf(obligation) !== null).toBe(true);
  });

  // What only a known-bad variant reaches has none (08).
  const witness = witnessCase(obligation);
  if (witness === null) return;

  test("has a witness that shows it again, and only there", () => {
    const file = join(PACKAGE_ROOT, WITNESSES, `${witness.id}.json`);
    const stored = parseCase(readFileSync(file, "utf8"), file);
    expect(stored).toEqual(witness);
    const violations = (subject: Parameters<typeof composeSubject>[0]) =>
      judge(stored, recordOnReference(composeSubject(subject), stored));
    expect(violations(obligation.reachable[0]!)).toEqual([]);
    for (const subject of obligation.unreachable) expect(violations(subject)).not.toEqual([]);
  });
});

/** What the search no longer reaches when threads are not stopped at these points. */
const BLIND: readonly (readonly [string, readonly Point[]])[] = [
  ["01", ["memslots.generation", "mmu_lock.acquire"]],
  ["01", ["guest.enter"]],
  ["03", ["cache.fill"]],
  ["gone-entry", ["spte.check"]],
  ["16", ["mmu_lock.break"]],
];

test.each(BLIND)("obligation %s is not seen without the points %s", (id, passed) => {
  const obligation = loadObligation(id);
  const [subject] = obligation.reachable;
  expect(searchSubject(obligation, subject!, {})[0]).toBe(true);
  expect(searchSubject(obligation, subject!, { passed })[0]).toBe(false);
});

test("an obligation that does not fit the schema is refused with its place", () => {
  expect(() => readObligation(join(PACKAGE_ROOT, "package.json"))).toThrow(/package\.json: /);
  expect(() => readObligation("missing.json")).toThrow("missing.json: cannot be read as JSON");
});
