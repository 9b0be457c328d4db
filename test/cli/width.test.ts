import { describe, expect, test } from "vitest";
import { recordOnReference } from "../../src/adapters/reference/reference-implementation.ts";
import { claimLayer, ownClaim } from "../../src/conformance/claim.ts";
import { composeThrough, LAST_LAYER } from "../../src/reference/compose.ts";
import { mutants } from "../../src/reference/mutants/index.ts";
import { caseText } from "../../src/report/case-text.ts";
import { matrixText } from "../../src/report/matrix-text.ts";
import { mutantsText } from "../../src/report/mutants-text.ts";
import { runText } from "../../src/report/run-text.ts";
import { flatten } from "../../src/report/source-text.ts";
import { loadCases } from "../../src/scenario/load-cases.ts";
import { kmc } from "../support/kmc.ts";
import { expectNarrow, plain } from "../support/lines.ts";
import { aFailure, aKill, aLine, aReport, aRow } from "../support/results.ts";

const cases = loadCases();

/** A claim that takes many words. */
const MANY = [
  ...["--patches", "1-2,4-8,10,12-13,15-17,19,21-22", "--slips", "E1,E6"],
  ...["--remedies", "E2,E3,E5,E7,E8"],
];

describe("no line is longer than 100 characters, and ids are whole:", () => {
  test("list", async () => {
    const lines = (await kmc("list")).out.split("\n");
    expectNarrow(lines);
    const text = plain(lines).join("\n");
    for (const { id } of cases) expect(text).toContain(`  ${id} `);
  });

  test("show", () => {
    for (const scenario of cases) {
      const line = aLine([aRow("promised", "#"), aRow("merged", ".#")], scenario);
      for (const { composition } of [ownClaim(scenario), claimLayer(0)])
        expectNarrow(caseText(line, "layer 1", recordOnReference(composition, scenario)));
    }
  });

  test("matrix", () => {
    const rows = [aRow("E1 defect", "#"), aRow("E1 mended", ".#", "?")];
    const lines = matrixText(cases.map((scenario) => aLine(rows, scenario)));
    expectNarrow(lines);
    const text = plain(lines).join("\n");
    for (const { id } of cases) expect(text).toContain(`\n${id} `);
  });

  test("mutants", () => {
    for (const by of [[], [cases[0]!.id]]) {
      const lines = mutantsText(mutants.map((mutant) => aKill(by, mutant)));
      expectNarrow(lines);
      for (const { id } of mutants) expect(plain(lines).join("\n")).toContain(`\n${id} `);
    }
  });

  test("run", async () => {
    expectNarrow((await kmc("run")).out.split("\n"));
    const violation = {
      pointer: `/${"x/".repeat(90)}`,
      expected: "a ".repeat(90),
      seen: "b".repeat(300),
    };
    const violations = Array.from({ length: 5 }, () => violation);
    const equals = Array.from({ length: 28 }, (_, layer) => `${layer} merged`);
    const log = ["c".repeat(300), "d ".repeat(300)];
    const results = cases.map((scenario) => aFailure({ scenario, violations, equals, log }));
    const implementation = { name: "e".repeat(300), version: "f ".repeat(300) };
    expectNarrow(runText(aReport(results, { implementation })));
  });

  test("diff", async () => {
    for (let layer = 0; layer < LAST_LAYER; layer++)
      expectNarrow((await kmc("diff", String(layer), String(layer + 1))).out.split("\n"));
    const all = ["diff", "0", "27", "--slips", "E1,E4,E6", "--remedies", "E2,E3,E5,E7,E8"];
    expectNarrow((await kmc(...all)).out.split("\n"));
  });

  test("what is said about a long list of patches", async () => {
    for (const args of [["show", "p11.unaligned-slot.leaf-sptes-gone"], ["run"], ["source"]]) {
      const { code, out } = await kmc(...args, ...MANY);
      expect(code).toBe(0);
      const isOurs = (line: string): boolean => !args.includes("source") || line.startsWith("// ");
      const ours = plain(out.split("\n")).filter(isOurs);
      expectNarrow(ours);
      const told = ours.map((line) => line.replace(/^(\/\/)? */, "")).join(" ");
      expect(told).toContain(
        "patches 1-2, 4-8, 10, 12-13, 15-17, 19, 21-22 with slip E1, E6, remedy E5, E7, E8",
      );
    }
  });
});

test("source prints the text of every operation as it is, longer lines and all", async () => {
  const { out } = await kmc("source", "--layer", "10");
  const operations = flatten(composeThrough(10));
  for (const { text } of operations) expect(out).toContain(`\n${text}\n`);
  const own = out.split("\n").filter((line) => line.startsWith("// ---- "));
  expect(own).toHaveLength(operations.length);
  expectNarrow(own);
});
