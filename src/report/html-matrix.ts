import { LAST_LAYER } from "../reference/compose.ts";

/** `on`: the case holds on that layer, `off`: it does not, `wrong`: not as the case declares. */
export type CellKind = "on" | "off" | "wrong";

/** The square for one layer, bare or in the row of a matrix. */
export const cell = (kind: CellKind, { ring = false, words = "" } = {}): string =>
  `<b class="cell ${kind}${ring ? " same" : ""}"${words === "" ? "" : ` title="${words}"`}></b>`;

/**
 * A table of cases against layers.
 * @param second what the column beside the cases is headed with.
 */
export const matrixHtml = (second: string, rows: readonly string[]): string =>
  `<table class="matrix">
<thead><tr><th>case</th><th>${second}</th>${LAYER_HEADS}</tr></thead>
<tbody>
${rows.join("\n")}
</tbody>
</table>`;

const LAYER_HEADS = Array.from(
  { length: LAST_LAYER + 1 },
  (_, layer) => `<th class="layer">${layer}</th>`,
).join("");

/**
 * A row of it.
 * @param cells one for each layer, 0 to 27.
 */
export const matrixRow = (name: string, second: string, cells: readonly string[]): string =>
  `<tr><td>${name}</td><td>${second}</td>${cells.map((each) => `<td class="layer">${each}</td>`).join("")}</tr>`;
