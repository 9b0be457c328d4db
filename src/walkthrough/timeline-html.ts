import { plural } from "../report/table.ts";
import { html } from "./markdown.ts";
import type { Story } from "./story.ts";
import { differs, type Folded, type Row, shown, type TimelineStep } from "./timeline.ts";

/** Both timelines of the decisive case as a table; what differs is marked, and says where it is. */
export function timelineHtml({ before, after, timeline }: Story): string[] {
  return [
    `<div class="timeline" v-pre tabindex="0" role="region" aria-label="Both runs, event by event">`,
    "<table>",
    "<thead><tr>",
    `<th scope="col">${html(before.name)}</th>`,
    `<th scope="col">${html(after.name)}</th>`,
    `<th scope="col">kernel function</th>`,
    "</tr></thead>",
    ...timeline.flatMap(stepHtml),
    "</table>",
    "</div>",
  ];
}

function stepHtml({ number, before, after, rows }: TimelineStep): string[] {
  const head =
    before === after
      ? `<th colspan="3" scope="rowgroup">${number}. ${html(before ?? "")}</th>`
      : [before, after, ""]
          .map(
            (text) => `<th>${text === "" ? "" : `${number}. ${html(text ?? "not reached")}`}</th>`,
          )
          .join("");
  const body = rows.some(differs) ? shown(rows).map(rowHtml) : [];
  return ["<tbody>", `<tr class="step">${head}</tr>`, ...body, "</tbody>"];
}

function rowHtml(row: Row | Folded): string {
  if ("folded" in row) {
    const which = row.alike ? "on both sides" : "more";
    const text = `${plural(row.folded, "event")} ${which}`;
    return `<tr class="folded"><td colspan="3">${text}</td></tr>`;
  }
  const kernel = row.kernel === null ? "" : `<code>${html(row.kernel)}</code>`;
  const cells = [row.before, row.after].map((text) => `<td>${html(text ?? "")}</td>`).join("");
  return `<tr${differs(row) ? ' class="differs"' : ""}>${cells}<td>${kernel}</td></tr>`;
}
