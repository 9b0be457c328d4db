import { expect, test } from "vitest";
import { mutantsText } from "../../src/report/mutants-text.ts";
import { plain } from "../support/lines.ts";
import { aKill } from "../support/results.ts";

const name = (id: string): string => id.padEnd(51);

test("mutants stand under their patches with who kills them, survivors last", () => {
  const kills = [
    aKill(["p11.a", "p11.b"]),
    aKill([], { id: "p11.harmless", title: "is the patch" }),
    aKill(["p12.a"], { id: "p12.other", patch: 12, title: "keeps the document" }),
  ];
  expect(plain(mutantsText(kills))).toEqual([
    "",
    "11 KVM: x86/mmu: Zap only the relevant pages when removing a memslot",
    `${name("p11.forgetful")}killed by  2`,
    "    zaps everything, as before",
    `${name("p11.harmless")}SURVIVES  `,
    "    is the patch",
    "",
    '12 Revert "KVM: MMU: document fast invalidate all pages"',
    `${name("p12.other")}killed by  1`,
    "    keeps the document",
    "",
    "3 mutants, 2 killed by their patch's own suite",
    "survivor: p11.harmless",
  ]);
});

test("a mutant that only cases of every layer reject survives", () => {
  const kill = { ...aKill([]), alsoBy: ["all.a"] };
  expect(plain(mutantsText([kill])).slice(-2)).toEqual([
    "1 mutant, 0 killed by their patch's own suite",
    "survivor: p11.forgetful",
  ]);
});
