import { contradictions, type JudgedRow, type MatrixLine } from "../conformance/matrix.ts";
import type { Kill } from "../conformance/mutants.ts";
import type { Case } from "../scenario/case.generated.ts";
import { slugOf } from "../scenario/suites.ts";
import { caseHtml, timelineHtml } from "./html-case.ts";
import { cell, matrixHtml, matrixRow } from "./html-matrix.ts";
import { htmlPage, suiteHeading } from "./html-page.ts";
import { isClean, recordWhereItHolds, type Report } from "./report.ts";
import { escapeMarkup } from "./xml.ts";

/** The report as one HTML page that needs nothing else: no script, no font, no network. */
export function reportHtml(report: Report): string {
  const { run, lines, kills } = report;
  const { results, claim } = run;
  const failed = results.filter(({ verdict }) => verdict === "fails").length;
  const wrong = lines.filter(({ rows }) =>
    rows.some((row) => contradictions(row).length > 0),
  ).length;
  const survivors = kills.filter(({ by }) => by.length === 0).length;
  const patches = [...new Set(lines.map(({ scenario }) => scenario.patch))].sort((a, b) => a - b);
  return htmlPage(
    "kvm-mmu-conformance report",
    `<h1>kvm-mmu-conformance</h1>
<p>The reference implementation of “KVM: x86/mmu: Remove fast invalidate mechanism”, ${escapeMarkup(claim)}.</p>
<p class="verdict ${isClean(report) ? "good" : "bad"}">
${results.length} cases run, ${failed} fail ·
${lines.length} rows of the matrix, ${wrong} not as declared ·
${kills.length} mutants, ${survivors} survive
</p>
<p class="legend">In the matrix: ${cell("on")} the case holds on that layer,
${cell("off")} it does not, ${cell("wrong")} not as the case declares. Layer <i>n</i> is Linux v5.0
with patches 1 to <i>n</i>.</p>
${patches.map((patch) => suiteHtml(patch, lines, kills)).join("\n")}`,
  );
}

function suiteHtml(patch: number, lines: readonly MatrixLine[], kills: readonly Kill[]): string {
  const own = lines.filter(({ scenario }) => scenario.patch === patch);
  const ownKills = kills.filter(({ mutant }) => mutant.patch === patch);
  return `<section id="${slugOf(patch)}">
${suiteHeading(patch)}
${matrixHtml("under", own.flatMap(caseRows))}
${own.map(({ scenario }) => ownCase(scenario)).join("\n")}
${ownKills.length === 0 ? "" : mutantsHtml(ownKills)}
</section>`;
}

const ownCase = (scenario: Case): string =>
  caseHtml(scenario, { inside: timelineHtml(scenario, recordWhereItHolds(scenario)) });

function caseRows({ scenario, rows }: MatrixLine): string[] {
  return rows.map((row, i) => {
    const name = i === 0 ? `<a href="#${scenario.id}">${scenario.id}</a>` : "";
    return matrixRow(name, escapeMarkup(row.under), cells(row));
  });
}

function cells(row: JudgedRow): string[] {
  const wrong = new Set(contradictions(row));
  return row.seen.map((holds, layer) => {
    const words = `layer ${layer}: ${holds ? "holds" : "does not hold"}`;
    return cell(wrong.has(layer) ? "wrong" : holds ? "on" : "off", { words });
  });
}

const mutantsHtml = (kills: readonly Kill[]): string => `<table class="mutants">
<thead><tr><th>mutant</th><th>what is wrong</th><th>rejected by</th></tr></thead>
<tbody>${kills.map(mutantRow).join("\n")}</tbody>
</table>`;

function mutantRow({ mutant, by }: Kill): string {
  const cases =
    by.length === 0 ? '<b class="bad">nobody</b>' : `${by.length}: ${by.map(link).join(", ")}`;
  return `<tr><td><code>${mutant.id}</code></td><td>${escapeMarkup(mutant.title)}</td><td>${cases}</td></tr>`;
}

const link = (id: string): string => `<a href="#${id}">${id}</a>`;
