import { expect, test } from "vitest";
import { matrixLine } from "../../src/conformance/matrix.ts";
import { loadCases } from "../../src/scenario/load-cases.ts";
import { mutants } from "../../src/reference/mutants/index.ts";
import { pageOf, QUESTIONS, written, writtenOn } from "../../src/walkthrough/page.ts";
import { excerpts } from "../../src/walkthrough/recording.ts";
import { regionOf, regionsIn, withRegions } from "../../src/walkthrough/regions.ts";
import { storyOf } from "../../src/walkthrough/story.ts";
import { TOPIC_IDS } from "../../src/walkthrough/topics.ts";

const cases = loadCases();

test.each(TOPIC_IDS)("the decisive case of %s holds on one side and not on the other", (id) => {
  const { before, after } = storyOf(id, cases);
  const [holds, fails] = typeof id === "number" ? [after, before] : [before, after];
  expect(holds.violations).toEqual([]);
  expect(fails.violations).not.toEqual([]);
});

test.each(TOPIC_IDS)("the page of %s answers the three questions", (id) => {
  const { summary, before } = writtenOn(id);
  const { wrong, changes, notice } = summary;
  for (const answer of [wrong, changes, notice]) expect(answer.length).toBeGreaterThan(20);
  expect(before.length).toBeGreaterThan(1);
});

test("a page without an answer, or without a text, is told by name", () => {
  const answered = Object.values(QUESTIONS)
    .map((question) => `> **${question}** So.\n`)
    .join(">\n");
  expect(written(`${answered}\n## Before\n\nIt was.\n\n## After\n`, "x.md")).toEqual({
    summary: { wrong: "So.", changes: "So.", notice: "So." },
    before: ["It was."],
  });
  expect(() => written(answered, "x.md")).toThrow('x.md has no text under "## Before"');
  expect(() => written("> **What was wrong?** So.\n\n## Before\n\nIt was.\n", "x.md")).toThrow(
    'x.md does not answer "What changes?"',
  );
});

test("computed parts are written between their marks, and nothing else is", () => {
  const page = "# A\n\n<!-- generated: head -->\nold\n<!-- end -->\n\nmine\n";
  expect(regionsIn(page)).toEqual(["head"]);
  const once = withRegions(page, (name) => [`new ${name}`]);
  expect(once).toBe("# A\n\n<!-- generated: head -->\n\nnew head\n\n<!-- end -->\n\nmine\n");
  expect(withRegions(once, (name) => [`new ${name}`])).toBe(once);
  const lines = (): string[] => [];
  expect(() => withRegions("<!-- generated: foot -->\n<!-- end -->", lines)).toThrow(
    'there is no part "foot"; expected one of head, timeline, cases, mutants, recordings',
  );
  expect(() => withRegions("<!-- generated: head -->\n", lines)).toThrow('"head" has no end');
});

test("the table of cases has a row for each profile where they differ", () => {
  const measured = cases.find(({ id }) => id === "E1.defect.measured-entry")!;
  const rows = regionOf("cases", storyOf("E1", cases), [matrixLine(measured)]);
  expect(rows).toContain("| case | under | layers 0 to 27 |");
  expect(rows.at(-2)).toMatch(/^\| \[`E1\.defect\.measured-entry`\]/);
  expect(rows.at(-2)).toContain("| E1 defect | `······#·····················` |");
  expect(rows.at(-1)).toBe("|  | E1 mended | `····························` |");
});

test("the table of mutants names each with a case that rejects it", () => {
  const own = cases.filter(({ patch }) => patch === 12).map(matrixLine);
  const rows = regionOf("mutants", storyOf(12, cases), own).slice(3);
  const wanted = mutants.filter(({ patch }) => patch === 12);
  expect(rows).toHaveLength(wanted.length);
  for (const [i, { id }] of wanted.entries()) {
    expect(rows[i]).toMatch(new RegExp(`^\\| \`${id}\` \\| .* \\| \`p12\\.`));
  }
});

test("an excerpt is what the kernel did during one command", () => {
  const [excerpt] = excerpts({ of: ["11/E"], command: 27 });
  expect(excerpt).toEqual({
    of: "11/E",
    command: "del 0 12",
    lines: expect.arrayContaining([
      expect.stringMatching(/^flush_remote: \(kvm_flush_remote_tlbs/),
    ]) as string[],
  });
  expect(excerpt!.lines.join("\n")).not.toMatch(/kmfree|CMD|END|\[\d{3}\]/);
  expect(() => excerpts({ of: ["11/E"], command: 99 })).toThrow(
    "recording 11/E has no command 99, time 1",
  );
});

test("a topic has one page", () => {
  expect(new Set(TOPIC_IDS.map(pageOf)).size).toBe(35);
});
