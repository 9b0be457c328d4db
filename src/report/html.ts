import { eventText } from "../conformance/match.ts";
import { contradictions, type JudgedRow, type MatrixLine } from "../conformance/matrix.ts";
import type { Kill } from "../conformance/mutants.ts";
import { LAST_LAYER } from "../reference/compose.ts";
import { slugOf, titleOf } from "../scenario/suites.ts";
import { isClean, recordOnOwnLayer, type Report } from "./report.ts";
import { stepText } from "./step-text.ts";

/** The report as one HTML page that needs nothing else: no script, no font, no network. */
export function reportHtml(report: Report, claim: string): string {
  const { results, lines, kills } = report;
  const failed = results.filter(({ verdict }) => verdict === "fails").length;
  const wrong = lines.filter(({ rows }) =>
    rows.some((row) => contradictions(row).length > 0),
  ).length;
  const survivors = kills.filter(({ by }) => by.length === 0).length;
  const patches = [...new Set(lines.map(({ scenario }) => scenario.patch))].sort((a, b) => a - b);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>kvm-mmu-conformance report</title>
<style>${STYLE}</style>
</head>
<body>
<h1>kvm-mmu-conformance</h1>
<p>The reference implementation of “KVM: x86/mmu: Remove fast invalidate mechanism”, ${escape(claim)}.</p>
<p class="verdict ${isClean(report) ? "good" : "bad"}">
${results.length} cases run, ${failed} fail ·
${lines.length} rows of the matrix, ${wrong} not as declared ·
${kills.length} mutants, ${survivors} survive
</p>
<p class="legend">In the matrix: <b class="cell on"></b> the case holds on that layer,
<b class="cell off"></b> it does not, <b class="cell wrong"></b> not as the case declares. Layer <i>n</i> is Linux v5.0
with patches 1 to <i>n</i>.</p>
${patches.map((patch) => suiteHtml(patch, lines, kills)).join("\n")}
</body>
</html>
`;
}

function suiteHtml(patch: number, lines: readonly MatrixLine[], kills: readonly Kill[]): string {
  const own = lines.filter(({ scenario }) => scenario.patch === patch);
  const ownKills = kills.filter(({ mutant }) => mutant.patch === patch);
  return `<section id="${slugOf(patch)}">
<h2><span class="number">${slugOf(patch).slice(0, 2)}</span> ${escape(titleOf(patch))}</h2>
<table class="matrix">
<thead><tr><th>case</th><th>under</th>${layerHeads()}</tr></thead>
<tbody>
${own.flatMap(caseRows).join("\n")}
</tbody>
</table>
${own.map(caseHtml).join("\n")}
${ownKills.length === 0 ? "" : mutantsHtml(ownKills)}
</section>`;
}

const layerHeads = (): string =>
  Array.from({ length: LAST_LAYER + 1 }, (_, layer) => `<th class="layer">${layer}</th>`).join("");

function caseRows({ scenario, rows }: MatrixLine): string[] {
  return rows.map((row, i) => {
    const name = i === 0 ? `<a href="#${scenario.id}">${scenario.id}</a>` : "";
    return `<tr><td>${name}</td><td>${escape(row.under)}</td>${cells(row)}</tr>`;
  });
}

function cells(row: JudgedRow): string {
  const wrong = new Set(contradictions(row));
  return row.seen
    .map((holds, layer) => {
      const kind = wrong.has(layer) ? "wrong" : holds ? "on" : "off";
      const words = `layer ${layer}: ${holds ? "holds" : "does not hold"}`;
      return `<td class="layer"><b class="cell ${kind}" title="${words}"></b></td>`;
    })
    .join("");
}

function caseHtml({ scenario }: MatrixLine): string {
  const record = recordOnOwnLayer(scenario);
  const steps = record.steps.map((observed, i) => {
    const events = observed.events
      .slice(0, MAX_EVENTS)
      .map((event) => `<li>${escape(eventText(event))}</li>`);
    const more = observed.events.length - MAX_EVENTS;
    if (more > 0) events.push(`<li>and ${more} more</li>`);
    const step = escape(stepText(scenario.steps[i]!, observed));
    return `<li>${step}${events.length > 0 ? `<ul>${events.join("")}</ul>` : ""}</li>`;
  });
  return `<details id="${scenario.id}"><summary>${escape(scenario.title)} <code>${scenario.id}</code></summary>
<p>${escape(scenario.why)}</p>
<p>Responsible: <code>${escape(scenario.function)}</code></p>
<ol class="steps" start="0">${steps.join("\n")}</ol>
</details>`;
}

/** Events of one step that are shown. */
const MAX_EVENTS = 40;

const mutantsHtml = (kills: readonly Kill[]): string => `<table class="mutants">
<thead><tr><th>mutant</th><th>what is wrong</th><th>rejected by</th></tr></thead>
<tbody>${kills.map(mutantRow).join("\n")}</tbody>
</table>`;

function mutantRow({ mutant, by }: Kill): string {
  const cases =
    by.length === 0 ? '<b class="bad">nobody</b>' : `${by.length}: ${by.map(link).join(", ")}`;
  return `<tr><td><code>${mutant.id}</code></td><td>${escape(mutant.title)}</td><td>${cases}</td></tr>`;
}

const link = (id: string): string => `<a href="#${id}">${id}</a>`;

const escape = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");

const STYLE = `
:root { color-scheme: light dark; --on: #2a8f4f; --off: #8884; --wrong: #d33; --line: #8883; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem; }
code, .steps { font-family: ui-monospace, monospace; font-size: 13px; }
h2 { margin-top: 3rem; font-size: 1.2rem; } .number { opacity: .6; }
.verdict { padding: .6rem 1rem; border-left: 4px solid var(--on); } .verdict.bad { border-color: var(--wrong); }
table { border-collapse: collapse; } td, th { padding: .15rem .4rem; text-align: left; vertical-align: top; }
tbody tr { border-top: 1px solid var(--line); } .matrix { font-size: 13px; display: block; overflow-x: auto; }
.matrix td:first-child { white-space: nowrap; } .layer { padding: .15rem .1rem; text-align: center; font-size: 11px; }
.cell { display: inline-block; width: 13px; height: 13px; border-radius: 3px; background: var(--off); }
.on { background: var(--on); } .wrong { background: var(--wrong); } .bad { color: var(--wrong); }
details { margin: .4rem 0; } summary { cursor: pointer; } .steps li { margin: .2rem 0; } .steps ul { opacity: .75; }
.mutants { margin-top: 1rem; font-size: 13px; }
a { color: inherit; } .legend { opacity: .8; }
`;
