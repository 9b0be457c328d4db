import { contradictions, type MatrixLine } from "../conformance/matrix.ts";
import type { Kill } from "../conformance/mutants.ts";
import { type CaseResult, isGood } from "../conformance/run-cases.ts";
import { staircase } from "../conformance/staircase.ts";
import type { Case } from "../scenario/case.generated.ts";
import { slugOf } from "../scenario/suites.ts";
import { caseHtml, timelineHtml } from "./html-case.ts";
import { htmlPage, suiteHeading } from "./html-page.ts";
import { type LayerRow, rowsHtml, staircaseHtml } from "./html-staircase.ts";
import { isClean, recordWhereItHolds, type Report } from "./report.ts";
import { escapeMarkup } from "./xml.ts";

/**
 * The report as one HTML page that needs nothing else: no script, no font, no network. It opens with
 * the matrix as a picture; what holds at every layer comes last.
 */
export function reportHtml(report: Report): string {
  const { run, lines, kills } = report;
  const { results, claim, implementation } = run;
  const failed = results.filter(({ verdict }) => verdict === "fails").length;
  const wrong = lines.filter(({ rows }) =>
    rows.some((row) => contradictions(row).length > 0),
  ).length;
  const survivors = kills.filter(({ by }) => by.length === 0).length;
  const who = `${implementation.name} ${implementation.version}`;
  return htmlPage(
    "kvm-mmu-conformance report",
    `<h1>kvm-mmu-conformance</h1>
<p>“KVM: x86/mmu: Remove fast invalidate mechanism”. Tested: ${escapeMarkup(who)}, ${escapeMarkup(claim)}.</p>
<p class="verdict ${isClean(report) ? "good" : "bad"}">
${results.length} cases run, ${failed} fail ·
${lines.length} rows of the matrix, ${wrong} not as declared ·
${kills.length} mutants, ${survivors} survive
</p>
${staircaseHtml(lines)}
<p class="legend">How many of a patch’s cases hold on a layer, in percent: all where it is green, none where it is
empty. Layer <i>n</i> is Linux v5.0 with patches 1 to <i>n</i>. A cell leads to that layer of the suite. There
<code>#</code> is a layer on which a case holds, <code>.</code> one on which it does not, <code>!</code> one where it does not
do as it declares; <code>npx kmc show CASE</code> tells each event of a case.</p>
${staircase(lines)
  .map(({ patch }) => suiteHtml(patch, report))
  .join("\n")}`,
  );
}

function suiteHtml(patch: number, { run, lines, kills }: Report): string {
  const own = lines.filter(({ scenario }) => scenario.patch === patch);
  const ownKills = kills.filter(({ mutant }) => mutant.patch === patch);
  const ran = new Map(run.results.map((result) => [result.scenario.id, result]));
  return `<section id="${slugOf(patch)}">
${suiteHeading(patch)}
${rowsHtml(patch, own.flatMap(caseRows))}
${own.map(({ scenario }) => ownCase(scenario, ran.get(scenario.id))).join("\n")}
${ownKills.length === 0 ? "" : mutantsHtml(ownKills)}
</section>`;
}

/** Events are told of what went wrong only: of all of them there are some megabytes. */
function ownCase(scenario: Case, result: CaseResult | undefined): string {
  const record = result?.record ?? recordWhereItHolds(scenario);
  const isBad = result !== undefined && !isGood(result.verdict);
  const steps = isBad ? record.steps : record.steps.map((step) => ({ ...step, events: [] }));
  return caseHtml(scenario, { inside: timelineHtml(scenario, { ...record, steps }) });
}

const caseRows = ({ scenario: { id }, rows }: MatrixLine): LayerRow[] =>
  rows.map((row, i) => ({
    ...{ name: i === 0 ? `<a href=#${id}>${id}</a>` : "", under: row.under, row },
  }));

const mutantsHtml = (kills: readonly Kill[]): string => `<table class="mutants">
<thead><tr><th>mutant</th><th>what is wrong</th><th>rejected by</th></tr></thead>
<tbody>${kills.map(mutantRow).join("\n")}</tbody>
</table>`;

/** So many cases are named of those that reject a mutant. */
const NAMED = 3;

function mutantRow({ mutant, by }: Kill): string {
  const rest = by.length - NAMED;
  const named = [...by.slice(0, NAMED).map(link), ...(rest > 0 ? [`${rest} more`] : [])];
  const cases = by.length === 0 ? '<b class="bad">nobody</b>' : `${by.length}: ${named.join(", ")}`;
  return `<tr><td><code>${mutant.id}</code></td><td>${escapeMarkup(mutant.title)}</td><td>${cases}</td></tr>`;
}

const link = (id: string): string => `<a href="#${id}">${id}</a>`;
