import { isDeclared } from "../conformance/matrix.ts";
import { type CaseResult, isGood, type Verdict } from "../conformance/run-cases.ts";
import { LAST_LAYER } from "../reference/compose.ts";
import { slugOf } from "../scenario/suites.ts";
import { failureLines } from "./failure-lines.ts";
import { caseHtml, timelineHtml } from "./html-case.ts";
import { cell, matrixHtml, matrixRow } from "./html-matrix.ts";
import { htmlPage, suiteHeading } from "./html-page.ts";
import {
  badResults,
  countVerdicts,
  headline,
  patchesOf,
  remarks,
  type RunReport,
  suiteName,
  totals,
  VERDICTS,
} from "./run-report.ts";
import { SHOUTED } from "./run-text.ts";
import { escapeMarkup } from "./xml.ts";

/** A run as one HTML page: how each suite fared, and of every case what happened inside. */
export function runHtml(report: RunReport): string {
  const { implementation, claim, results } = report;
  const who = `${implementation.name} ${implementation.version}`;
  const bad = badResults(results);
  const notes = remarks(report).map((remark) => `<p>${escapeMarkup(remark)}</p>`);
  return htmlPage(
    `${headline(report)}: ${who}`,
    `<h1>${escapeMarkup(implementation.name)} <small>${escapeMarkup(implementation.version)}</small></h1>
<p>Judged as ${escapeMarkup(claim)}.</p>
<p class="verdict ${headline(report).startsWith("Conforms") ? "good" : "bad"}">
<b>${headline(report)}.</b> ${escapeMarkup(totals(results))}
</p>
${notes.join("\n")}
${bad.length === 0 ? "" : `<ul class="plain">${bad.map(listed).join("\n")}</ul>`}
${countsHtml(results)}
<p class="legend">In the matrices: ${cell("on")} that layer of the reference does what the case expects, ${cell("off")} it
does something else, ${cell("off", { ring: true })} it does exactly what was seen here. Layer <i>n</i> is Linux v5.0 with
patches 1 to <i>n</i>, in a case about an erratum with its defect in or mended, as the name says.</p>
${patchesOf(results)
  .map((patch) => suiteHtml(patch, results))
  .join("\n")}`,
  );
}

const listed = ({ scenario: { id, title }, verdict }: CaseResult): string =>
  `<li>${tag(verdict)} <a href="#${id}">${id}</a> ${escapeMarkup(title)}</li>`;

function tag(verdict: Verdict): string {
  const kind = isGood(verdict) ? "good" : verdict === "not-assessed" ? "open" : "bad";
  return `<b class="tag ${kind}">${SHOUTED[verdict].toLowerCase()}</b>`;
}

/** A row for each patch, a column for each verdict that there is. */
function countsHtml(results: readonly CaseResult[]): string {
  const all = countVerdicts(results);
  const columns = (Object.keys(VERDICTS) as Verdict[]).filter((verdict) => all[verdict] > 0);
  const heads = columns.map((verdict) => `<th>${VERDICTS[verdict]}</th>`).join("");
  const rows = patchesOf(results).map((patch) => {
    const counts = countVerdicts(results.filter(({ scenario }) => scenario.patch === patch));
    const cells = columns.map((verdict) => `<td>${counts[verdict]}</td>`).join("");
    return `<tr><td><a href="#${slugOf(patch)}">${escapeMarkup(suiteName(patch))}</a></td>${cells}</tr>`;
  });
  return `<table class="counts">
<thead><tr><th>patch</th>${heads}</tr></thead>
<tbody>
${rows.join("\n")}
</tbody>
</table>`;
}

function suiteHtml(patch: number, results: readonly CaseResult[]): string {
  const own = results.filter(({ scenario }) => scenario.patch === patch);
  return `<section id="${slugOf(patch)}">
${suiteHeading(patch)}
${matrixHtml("", own.map(matrixLine))}
${own.map(resultHtml).join("\n")}
</section>`;
}

/** Where the reference does what the case expects, and where it does what was seen. */
function matrixLine({ scenario, verdict, equals }: CaseResult): string {
  const { id } = scenario;
  const cells = LAYERS.map((layer) => {
    const ring = equals.some((each) => each === `${layer}` || each === `${layer} merged`);
    return cell(isDeclared(scenario, layer) ? "on" : "off", { ring });
  });
  return matrixRow(`<a href="#${id}">${id}</a>`, tag(verdict), cells);
}

const LAYERS = Array.from({ length: LAST_LAYER + 1 }, (_, layer) => layer);

function resultHtml(result: CaseResult): string {
  const { scenario, verdict, missing, record, violations } = result;
  const isBad = !isGood(verdict) && verdict !== "not-assessed";
  const inside = [
    ...(isBad || verdict === "deviates" ? [failureHtml(result)] : []),
    ...(missing.length > 0
      ? [`<p>Needs <code>${missing.map(escapeMarkup).join(", ")}</code></p>`]
      : []),
    ...(record === null
      ? []
      : [
          timelineHtml(
            scenario,
            record,
            violations.map(({ pointer }) => pointer),
          ),
        ]),
  ];
  return caseHtml(scenario, {
    tag: `${tag(verdict)} `,
    isOpen: isBad,
    inside: inside.join("\n"),
  });
}

const failureHtml = (result: CaseResult): string =>
  `<pre class="seen">${failureLines(result, { most: Infinity, about: false }).map(escapeMarkup).join("\n")}</pre>`;
