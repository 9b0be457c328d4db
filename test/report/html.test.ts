import { describe, expect, test } from "vitest";
import { reportHtml } from "../../src/report/html.ts";
import { mutants } from "../../src/reference/mutants/index.ts";
import type { Report } from "../../src/report/report.ts";
import { loadCases } from "../../src/scenario/load-cases.ts";
import type { Step } from "../../src/scenario/case.generated.ts";
import { aFailure, aKill, aLine, aReport, aResult, aRow } from "../support/results.ts";
import { otherSlotStays } from "../support/small-cases.ts";

const line = aLine([aRow("promised", "..#", ".##")], otherSlotStays);
const page = (changes: Partial<Report> = {}): string =>
  reportHtml({ run: aReport([]), lines: [line], kills: [], ...changes });

/** How often a text is there. */
const count = (text: string, part: string): number => text.split(part).length - 1;

test("the page needs nothing else: no script, nothing from elsewhere", () => {
  const text = page({ kills: [aKill(["p11.a"])] });
  expect(text).toMatch(/^<!doctype html>\n<html lang="en">[^]*<\/html>\n$/);
  expect(text).not.toMatch(/<script|<link|<img|\bsrc=|url\(|@import|https?:/);
  for (const [, target] of text.matchAll(/href="([^"]*)"/g)) expect(target).toMatch(/^#/);
});

describe("the verdict", () => {
  const verdict = (changes: Partial<Report>): string =>
    /<p class="verdict [^]*?<\/p>/.exec(page(changes))![0];
  const right = [aLine([aRow("promised", "#")], otherSlotStays)];

  test("is good when all is well", () => {
    const text = verdict({ run: aReport([aResult()]), lines: right, kills: [aKill(["p11.a"])] });
    expect(text).toContain('class="verdict good"');
    expect(text).toContain("1 cases run, 0 fail");
    expect(text).toContain("0 not as declared");
    expect(text).toContain("1 mutants, 0 survive");
  });

  test("is bad when a case fails, a row is not as declared, or a mutant survives", () => {
    const failed = verdict({ run: aReport([aResult(), aFailure()]), lines: right });
    expect(failed).toContain('class="verdict bad"');
    expect(failed).toContain("2 cases run, 1 fail");
    const wrong = verdict({});
    expect(wrong).toContain('class="verdict bad"');
    expect(wrong).toContain("1 not as declared");
    const survivor = verdict({ lines: right, kills: [aKill([])] });
    expect(survivor).toContain('class="verdict bad"');
    expect(survivor).toContain("1 mutants, 1 survive");
  });
});

test("a row has a mark for each layer: it holds, does not, or is not as declared", () => {
  expect(page()).toContain(`<td class=cells><s>.</s><u>!</u><b>${"#".repeat(26)}</b>`);
});

describe("the staircase", () => {
  const invariant = aLine([aRow("promised", "#")], { id: "all.a", patch: 0 });
  const half = aLine([aRow("promised", "#")], { id: "p11.b" });
  const text = page({ lines: [invariant, line, half] });

  test("comes first, says of each patch and layer how much holds, and what is wrong", () => {
    expect(text.indexOf('<table class="stairs">')).toBeLessThan(text.indexOf("<section"));
    expect(text).toContain('style=--s:50% title="layer 0: 1 of 2 hold">50</a>');
    expect(text).toContain('style=--s:100% title="layer 2: 2 of 2 hold"></a>');
    expect(text).toContain(
      'class=wrong style=--s:50% title="layer 1: 1 of 2 hold, not as declared">!</a>',
    );
  });

  test("has a cell for each layer that leads to it in the rows of the suite", () => {
    const links = [...text.matchAll(/<td><a href=#([^\s>]+)/g)].map(([, target]) => target!);
    expect(links.filter((target) => target.startsWith("c"))).toHaveLength(2 * 28);
    for (const target of links) expect(text).toMatch(new RegExp(` id="?${target}[">]`));
  });

  test("and all suites have what holds at every layer last", () => {
    expect(text.indexOf('id="00-every-layer"')).toBeGreaterThan(text.indexOf('id="11-zap'));
    expect(text.indexOf("#00-every-layer")).toBeGreaterThan(text.indexOf("#11-zap"));
  });
});

test("says who was tested", () => {
  const run = aReport([], { implementation: { name: "Linux", version: "6.1.0-50-amd64" } });
  expect(page({ run })).toContain("Tested: Linux 6.1.0-50-amd64, layer 11 as promised.");
});

test("with all cases and mutants is at most 1 MB, whatever a kernel has", () => {
  const lines = loadCases().map((scenario) => {
    // As many marks of another kind in a row as there are in the worst of the real ones.
    const row = "#..##...###....####.....####";
    const unders =
      scenario.erratum === undefined ? ["promised", "merged"] : ["E1 defect", "E1 mended"];
    return aLine(
      unders.map((under) => aRow(under, row)),
      scenario,
    );
  });
  const ids = lines.map(({ scenario }) => scenario.id);
  const kills = mutants.map((mutant) => ({ mutant, by: ids, alsoBy: [] }));
  expect(Buffer.byteLength(page({ lines, kills }))).toBeLessThan(1_000_000);
}, 300_000);

test("every case is told with what happens inside where it holds, and is linked from its row", () => {
  const text = page();
  expect(text).toContain("<td><a href=#p11.small.other-slot-stays>p11.small.other-slot-stays</a>");
  expect(text).toContain('<details id="p11.small.other-slot-stays">');
  expect(text).toContain("<li>access vcpu 0, gpa 0x40000000 → outcome hit, hva 0x20000000");
  expect(text).toContain('<section id="11-zap-only-the-slot">');
});

test("events are told of what went wrong, and of many forty", () => {
  const fill: Step = { do: "access", vcpu: 0, gpa: "0x40000000" };
  const many: Step = { do: "repeat", times: 50, steps: [{ ...fill, gpa: "0x900000000" }] };
  const scenario = { ...otherSlotStays, steps: [...otherSlotStays.steps, many] };
  const lines = [aLine([aRow("promised", "#")], scenario)];
  expect(page({ lines })).not.toContain('<ul class="events">');
  const text = page({ lines, run: aReport([aFailure({ scenario })]) });
  const [, events] = /<li>50 times: [^<]*<ul class="events">(.*?)<\/ul>/.exec(text)!;
  expect(count(events!, "<li>")).toBe(41);
  expect(events).toMatch(/<li>and \d+ more<\/li>$/);
});

test("mutants are told with who rejects them, or that nobody does", () => {
  const kills = [aKill(["p11.a", "p11.b"]), aKill([], { id: "p11.harmless" })];
  const text = page({ kills });
  expect(text).toContain(
    "<tr><td><code>p11.forgetful</code></td><td>zaps everything, as before</td>" +
      '<td>2: <a href="#p11.a">p11.a</a>, <a href="#p11.b">p11.b</a></td></tr>',
  );
  expect(page({ kills: [aKill(["p11.a", "p11.b", "p11.c", "p11.d", "p11.e"])] })).toMatch(
    /<td>5: .*p11\.c<\/a>, 2 more<\/td>/,
  );
  expect(text).toContain(
    '<code>p11.harmless</code></td><td>zaps everything, as before</td><td><b class="bad">nobody</b>',
  );
  expect(page()).not.toContain('<table class="mutants">');
});

test("text is text, never markup", () => {
  const evil = '<b>"&"</b>';
  const escaped = "&lt;b&gt;&quot;&amp;&quot;&lt;/b&gt;";
  const scenario = { ...otherSlotStays, title: evil, why: evil, function: evil };
  const lines = [aLine([aRow("promised", "#")], scenario)];
  const text = page({
    ...{ lines, kills: [aKill([], { title: evil })] },
    run: aReport([], { claim: evil }),
  });
  expect(text).not.toContain(evil);
  expect(count(text, escaped)).toBe(5);
});
