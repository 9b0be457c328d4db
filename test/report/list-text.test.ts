import { expect, test } from "vitest";
import { listText } from "../../src/report/list-text.ts";
import { aCase } from "../support/a-case.ts";
import { plain } from "../support/lines.ts";

test("cases stand under their patches, with what they prove and where they hold", () => {
  const cases = [
    aCase({ id: "p12.a", patch: 12, proof: "refactor", layers: { from: 12, to: 12 } }),
    aCase(),
    aCase({ id: "all.a", patch: 0, proof: "invariant", layers: { from: 0, to: 27 } }),
    aCase({ id: "p12.b", patch: 12 }),
  ];
  expect(plain(listText(cases))).toEqual([
    "00 What holds at every layer",
    `  ${"all.a".padEnd(60)} invariant layers 0-27`,
    "",
    "11 KVM: x86/mmu: Zap only the relevant pages when removing a memslot",
    `  ${"p11.small.case".padEnd(60)} layer     layers 11-27`,
    "",
    '12 Revert "KVM: MMU: document fast invalidate all pages"',
    `  ${"p12.a".padEnd(60)} refactor  layers 12`,
    `  ${"p12.b".padEnd(60)} layer     layers 11-27`,
    "",
    "4 cases",
  ]);
  expect(listText([])).toEqual(["0 cases"]);
});
