import { pc } from "../report/colours.ts";
import { plural, wrap } from "../report/table.ts";
import { differs, type Folded, type Row, shown, type TimelineStep } from "./timeline.ts";

/** How two timelines are printed. */
export interface Layout {
  /** In characters. */
  readonly width: number;
  /** Beside each other, or what was before (`-`) above what is after (`+`). */
  readonly beside: boolean;
}

const SEPARATOR = " │ ";
/** Columns before a row: the mark, and the number of the step. */
const MARGIN = 6;

/** The steps of a timeline as lines; of a step in which nothing differs, only what it does. */
export function timelineLines(steps: readonly TimelineStep[], layout: Layout): string[] {
  return steps.flatMap((step) => stepLines(step, layout));
}

function stepLines({ number, before, after, rows }: TimelineStep, layout: Layout): string[] {
  const label = `${String(number).padStart(4)} `;
  const heads = pairLines({ before, after, kernel: null }, layout, label);
  if (!rows.some(differs)) return heads;
  let place: string | null = null;
  const lines = shown(rows).flatMap((row) => {
    if ("folded" in row) return foldedLines(row);
    const where = row.kernel ?? "(seen)";
    const head = where === place ? [] : [pc.dim(`${" ".repeat(MARGIN)}${where}`)];
    place = where;
    return [...head, ...pairLines(row, layout, " ".repeat(MARGIN + 2))];
  });
  return [...heads, ...lines];
}

const foldedLines = ({ folded, alike }: Folded): string[] => [
  pc.dim(`${" ".repeat(MARGIN)}… ${plural(folded, "event")}${alike ? " on both sides" : " more"}`),
];

function pairLines(row: Row, layout: Layout, label: string): string[] {
  const { before, after } = row;
  if (!differs(row)) return hung(label, before ?? "", layout.width);
  if (layout.beside) return besideLines(row, layout.width, label);
  return [
    ...(before === null ? [] : hung(`-${label.slice(1)}`, before, layout.width).map(pc.red)),
    ...(after === null ? [] : hung(`+${label.slice(1)}`, after, layout.width).map(pc.green)),
  ];
}

/** A row that differs: what was on the left, what is on the right, a mark before. */
function besideLines({ before, after }: Row, width: number, label: string): string[] {
  const margin = label.length;
  const column = Math.floor((width - margin - SEPARATOR.length) / 2);
  const left = wrap(before ?? "", column);
  const right = wrap(after ?? "", column);
  return Array.from({ length: Math.max(left.length, right.length) }, (_, i) => {
    const start = i === 0 ? `!${label.slice(1)}` : " ".repeat(margin);
    const [was = "", is = ""] = [left[i], right[i]];
    return `${start}${pc.red(was.padEnd(column))}${SEPARATOR}${pc.green(is)}`.trimEnd();
  });
}

/** Wrapped lines behind a label, the later ones indented to its width. */
function hung(label: string, text: string, width: number): string[] {
  const [first = "", ...rest] = wrap(text, width - label.length);
  const lines = [label + first, ...rest.map((line) => " ".repeat(label.length) + line)];
  return lines.map((line) => line.trimEnd());
}
