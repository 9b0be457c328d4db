import { expect, test } from "vitest";
import { matrixText } from "../../src/report/matrix-text.ts";
import { plain } from "../support/lines.ts";
import { aLine, aRow } from "../support/results.ts";

/** The lines below the heads of the columns. */
const told = (...lines: Parameters<typeof matrixText>[0]): string[] =>
  plain(matrixText(lines)).slice(3);

const name = (id: string): string => id.padEnd(59);

test("there is a column for each layer", () => {
  expect(plain(matrixText([]))).toEqual([
    `${" ".repeat(67)}layer`,
    `${name("case")}under   0         1         2`,
    `${" ".repeat(67)}0123456789012345678901234567`,
  ]);
});

test("a case is on one line where both profiles have the same row", () => {
  const from11 = "...........#";
  expect(told(aLine([aRow("promised", from11), aRow("merged", from11)]))).toEqual([
    "",
    "11 KVM: x86/mmu: Zap only the relevant pages when removing a memslot",
    `${name("p11.small.case")}both    ...........#################`,
  ]);
});

test("on two, if they differ in what is seen or in what is declared", () => {
  const seen = aLine([aRow("promised", "#", "?"), aRow("merged", "#.", "?")]);
  const declared = aLine([aRow("E1 defect", "#"), aRow("E1 mended", "#", "?")]);
  expect(told(seen, declared).slice(2)).toEqual([
    `${name("p11.small.case")}promise ${"#".repeat(28)}`,
    `${name("")}merged  #${".".repeat(27)}`,
    `${name("p11.small.case")}defect  ${"#".repeat(28)}`,
    `${name("")}mended  ${"#".repeat(28)}`,
  ]);
});

test("what is not as declared is marked, whichever way", () => {
  const [, , line] = told(aLine([aRow("promised", "..##", ".#.#")]));
  expect(line).toBe(`${name("p11.small.case")}promise .!!${"#".repeat(25)}`);
});

test("cases stand under their patches, which are in order", () => {
  const row = [aRow("promised", "#")];
  const lines = [
    { patch: 12, id: "p12.b" },
    { patch: 0, id: "all.c" },
    { patch: 12, id: "p12.a" },
  ];
  const text = told(...lines.map((changes) => aLine(row, changes)));
  expect(text.map((line) => line.split(" ")[0])).toEqual([
    ...["", "00", "all.c", "", "12", "p12.b", "p12.a"],
  ]);
});
