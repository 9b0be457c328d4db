import {
  type Exploration,
  type Searched,
  type ToldWitness,
  verdictOf,
} from "../explore/exploration.ts";
import type { WitnessRow } from "../explore/witness.ts";
import { coverage, foundText, outcomeText, sentenceOf } from "./explore-text.ts";
import { htmlPage } from "./html-page.ts";
import { escapeMarkup } from "./xml.ts";

/** Explorations as one HTML page that needs nothing else. */
export const explorationsHtml = (explorations: readonly Exploration[]): string =>
  htmlPage(
    "kvm-mmu-conformance: interleavings",
    `<h1>Every interleaving</h1>\n${explorations.map(sectionHtml).join("\n")}`,
  );

const sectionHtml = ({ id, title, why, searches, witnesses }: Exploration): string =>
  `<section id="${escapeMarkup(id)}">
<h2><span class="number">${escapeMarkup(id)}</span> ${escapeMarkup(title)}</h2>
<p>${escapeMarkup(why)}</p>
<table class="counts">
<thead><tr><th>on</th><th>bad outcome</th><th>expected</th><th>executions</th><th>states</th></tr></thead>
<tbody>${searches.map(searchHtml).join("\n")}</tbody>
</table>
${searches.map(({ result }) => `<p class="legend">${escapeMarkup(coverage(result))}</p>`).join("\n")}
${witnesses.map(witnessHtml).join("\n")}
</section>`;

function searchHtml(searched: Searched): string {
  const { subject, expected, result } = searched;
  const cells = [
    foundText(searched),
    outcomeText(expected),
    result.executions.toLocaleString("en"),
    result.states.toLocaleString("en"),
  ];
  const name = verdictOf(searched) === "holds" ? "" : ' class="bad"';
  return `<tr${name}><td>${escapeMarkup(subject)}</td>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
}

/** One column a thread, time downwards. */
const witnessHtml = (witness: ToldWitness): string =>
  `<p class="verdict bad"><b>${escapeMarkup(witness.property)}</b>: ${escapeMarkup(sentenceOf(witness))}</p>
<table class="witness">
<thead><tr><th></th>${witness.threads.map((name) => `<th>${escapeMarkup(name)}</th>`).join("")}<th>generations of the sets</th></tr></thead>
<tbody>${witness.rows.map((row, i) => rowHtml(witness.threads, row, i)).join("\n")}</tbody>
</table>
${witness.after.map((text) => `<p>Afterwards: ${escapeMarkup(text)}</p>`).join("\n")}`;

function rowHtml(threads: readonly string[], row: WitnessRow, i: number): string {
  const events = row.events.map((event) => `<br>${escapeMarkup(event)}`).join("");
  const to = row.to === "end" ? "is through" : `→ <code>${escapeMarkup(row.to)}</code>`;
  const text = `<code>${escapeMarkup(row.function)}</code>${events}<br>${to}`;
  const cells = threads.map((name) => `<td>${name === row.thread ? text : ""}</td>`).join("");
  return `<tr><td class="number">${i + 1}</td>${cells}<td>${escapeMarkup(row.state)}</td></tr>`;
}
