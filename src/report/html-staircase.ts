import type { MatrixLine } from "../conformance/matrix.ts";
import { contradictions, type JudgedRow } from "../conformance/matrix.ts";
import { type Flight, type Stair, staircase } from "../conformance/staircase.ts";
import { LAST_LAYER } from "../reference/compose.ts";
import { slugOf } from "../scenario/suites.ts";
import { shortTitle } from "./staircase-text.ts";
import { escapeMarkup } from "./xml.ts";

const LAYERS = Array.from({ length: LAST_LAYER + 1 }, (_, layer) => layer);

/** The matrix as a picture: a row for each patch; each cell leads to its layer in the suite. */
export const staircaseHtml = (lines: readonly MatrixLine[]): string =>
  `<table class="stairs">
<thead><tr><th>suite of patch</th>${LAYERS.map((layer) => `<th>${layer}</th>`).join("")}</tr></thead>
<tbody>
${staircase(lines).map(flightHtml).join("\n")}
</tbody>
</table>`;

const flightHtml = ({ patch, stairs }: Flight): string => {
  const number = slugOf(patch).slice(0, 2);
  const name = `${number} <span>${escapeMarkup(shortTitle(patch))}</span>`;
  const cells = stairs.map((stair, layer) => stairHtml(stair, patch, layer)).join("");
  return `<tr><th><a href="#${slugOf(patch)}">${name}</a></th>${cells}</tr>`;
};

/** Without closing tags and quotes where HTML needs none: there are some hundred. */
function stairHtml({ holds, of, isWrong }: Stair, patch: number, layer: number): string {
  const share = of === 0 ? 0 : Math.floor((100 * holds) / of);
  const words = `layer ${layer}: ${holds} of ${of} hold${isWrong ? ", not as declared" : ""}`;
  const shown = isWrong ? "!" : holds === of || holds === 0 ? "" : String(Math.max(1, share));
  const kind = isWrong ? " class=wrong" : "";
  return `<td><a href=#${columnId(patch, layer)}${kind} style=--s:${share}% title="${words}">${shown}</a>`;
}

const columnId = (patch: number, layer: number): string => `c${patch}-${layer}`;

/** A row of cases against layers: its name, under what, and the cells. */
export interface LayerRow {
  readonly name: string;
  readonly under: string;
  readonly row: JudgedRow;
}

/** The rows of a suite. The head of a layer's column can be linked to: the column stands out then. */
export const rowsHtml = (patch: number, rows: readonly LayerRow[]): string =>
  `<table class="rows">
<thead><tr><th>case</th><th>under</th><th class="cells">${LAYERS.map((layer) => `<i id=${columnId(patch, layer)}>${layer % 10}</i>`).join("")}</th></tr></thead>
<tbody>
${rows.map(rowHtml).join("\n")}
</tbody>
</table>`;

const rowHtml = ({ name, under, row }: LayerRow): string =>
  `<tr><td>${name}<td>${escapeMarkup(under)}<td class=cells>${runsOf(row)}`;

/** `#` holds, `.` does not, `!` is not as declared: what is alike in one element. */
function runsOf(row: JudgedRow): string {
  const wrong = new Set(contradictions(row));
  const marks = row.seen.map((holds, layer) => (wrong.has(layer) ? "!" : holds ? "#" : "."));
  const runs = marks.join("").match(/#+|\.+|!+/g) ?? [];
  return runs.map((run) => `<${TAGS[run[0]!]!}>${run}</${TAGS[run[0]!]!}>`).join("");
}

const TAGS: Readonly<Record<string, string>> = { "#": "b", ".": "s", "!": "u" };

/** The column of a layer that was linked to stands out in all its rows. */
const columnStyle = LAYERS.map(
  (layer) => `.rows:has(i:nth-child(${layer + 1}):target) .cells{--at:${layer}}`,
).join("\n");

export const STAIRCASE_STYLE = `
.stairs { width: 100%; table-layout: fixed; font-size: 13px; border-spacing: 2px; border-collapse: separate; }
.stairs th:first-child { width: 27rem; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.stairs th { font-weight: normal; padding: 0; } .stairs th:not(:first-child) { font-size: 10px; text-align: center; }
.stairs tbody tr { border: 0; } .stairs td { padding: 0; } .stairs th a { text-decoration: none; } .stairs th a:hover { text-decoration: underline; }
.stairs td a { display: block; height: 1.35rem; line-height: 1.35rem; border-radius: 3px; text-align: center; text-decoration: none; font-size: 10px; background: color-mix(in srgb, var(--on) calc(var(--s) * .75), var(--off)); }
.stairs td a:empty { background: color-mix(in srgb, var(--on) var(--s), var(--off)); } .stairs td a.wrong { background: var(--wrong); color: #fff; }
.stairs a:focus-visible, .stairs td a:hover { outline: 2px solid; outline-offset: 1px; }
.rows { font-size: 13px; display: block; overflow-x: auto; margin-bottom: 1rem; } .rows td { white-space: nowrap; }
.cells { --step: calc(1ch + .2em); font: 13px ui-monospace, monospace; letter-spacing: .2em; white-space: pre; }
.cells b { color: var(--on); } .cells s { opacity: .5; text-decoration: none; } .cells u { color: var(--wrong); font-weight: bold; text-decoration: none; } .cells i { font-style: normal; }
.rows:has(i:target) .cells { background: linear-gradient(#fa06 0 0) content-box no-repeat calc(var(--at) * var(--step) - .1em) 0 / var(--step) 100%; }
i:target { outline: 2px solid; scroll-margin-top: 4rem; }
@media (max-width: 60rem) { .stairs { border-spacing: 1px; } .stairs th:first-child { width: 1.6rem; } .stairs th span, .stairs thead { display: none; } .stairs td a { font-size: 0; } }
${columnStyle}
`;
