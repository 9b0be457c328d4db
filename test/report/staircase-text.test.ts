import { expect, test } from "vitest";
import { isDeclared } from "../../src/conformance/matrix.ts";
import { staircaseText } from "../../src/report/staircase-text.ts";
import { loadCases } from "../../src/scenario/load-cases.ts";
import { expectNarrow, plain } from "../support/lines.ts";
import { aLine, aRow } from "../support/results.ts";

/** The row of patch 11, made of these rows of its cases. */
const eleven = (...rows: ReturnType<typeof aRow>[]): string =>
  plain(staircaseText(rows.map((row) => aLine([row]))))
    .find((line) => line.startsWith("11 "))!
    .slice(-28);

test("a cell says how much of a suite holds on a layer, as promised", () => {
  const [all, none, from11] = ["#", ".", "...........#"].map((seen) => aRow("promised", seen));
  expect(eleven(from11!)).toBe(`${".".repeat(11)}${"#".repeat(17)}`);
  expect(eleven(from11!, all!)).toBe(`${"5".repeat(11)}${"#".repeat(17)}`);
  expect(eleven(from11!, none!, none!)).toBe(`${".".repeat(11)}${"3".repeat(17)}`);
  expect(eleven(aRow("promised", "#"), aRow("merged", "."), aRow("E2 defect", "."))).toBe(
    "#".repeat(28),
  );
});

test("few are not none, and nearly all are not all", () => {
  const most = Array.from({ length: 39 }, () => aRow("promised", "#."));
  expect(eleven(...most, aRow("promised", ".#"))).toBe(`9${"1".repeat(27)}`);
});

test("what is not as declared is marked, under whatever", () => {
  expect(eleven(aRow("promised", "#"), aRow("merged", ".#", "#"))).toBe(`!${"#".repeat(27)}`);
});

test("of all suites it fits on a screen, the invariants last", () => {
  const lines = loadCases().map((scenario) => {
    const marks = Array.from({ length: 28 }, (_, layer) => isDeclared(scenario, layer));
    return aLine([aRow("promised", marks.map((mark) => (mark ? "#" : ".")).join(""))], scenario);
  });
  const text = plain(staircaseText(lines));
  expectNarrow(text);
  // With who was tested before it, three lines behind it, and what separates them.
  expect(text.length + 6).toBeLessThanOrEqual(45);
  const numbers = text.slice(2).flatMap((line) => /^\d\d(?= )/.exec(line)?.[0] ?? []);
  expect(numbers).toEqual([
    ...Array.from({ length: 27 }, (_, i) => String(i + 1).padStart(2, "0")),
    "00",
  ]);
});
