import { expect, test } from "vitest";
import { contradictions, matrixLine } from "../../src/conformance/matrix.ts";
import { loadCases } from "../../src/scenario/load-cases.ts";
import { describeReference } from "../support/against.ts";

describeReference("a case that names no paging declares rightly where it holds", () => {
  const cases = loadCases().filter(({ machine }) => machine.paging === undefined);

  test.each(["ept", "npt", "shadow"] as const)("with %s", (paging) => {
    const wrong = cases.filter(({ machine, ...scenario }) => {
      const { rows } = matrixLine({ ...scenario, machine: { ...machine, paging } });
      return rows.some((row) => contradictions(row).length > 0);
    });
    expect(wrong.map(({ id }) => id)).toEqual([]);
    expect(cases.length).toBeGreaterThan(50);
  });
});
