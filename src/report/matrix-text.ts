import { pc } from "./colours.ts";
import { contradictions, type JudgedRow, type MatrixLine } from "../conformance/matrix.ts";
import { suiteHead } from "./suite-head.ts";
import { fit } from "./table.ts";

const ID_WIDTH = 58;

/** The matrix as text: a row for each case, a column for each layer, grouped by patch. */
export function matrixText(lines: readonly MatrixLine[]): string[] {
  const text = [
    `${fit("", ID_WIDTH + 9)}layer`,
    `${fit("case", ID_WIDTH)} ${fit("under", 7)} 0         1         2`,
    `${fit("", ID_WIDTH + 9)}0123456789012345678901234567`,
  ];
  for (const patch of [...new Set(lines.map(({ scenario }) => scenario.patch))].sort(
    (a, b) => a - b,
  )) {
    text.push("", suiteHead(patch));
    for (const line of lines) if (line.scenario.patch === patch) text.push(...lineText(line));
  }
  return text;
}

/** Of the matrix the rows that are not as declared, with an empty line behind; nothing if all are. */
export function wrongRowsText(lines: readonly MatrixLine[]): string[] {
  const wrong = lines.filter(({ rows }) => rows.some((row) => contradictions(row).length > 0));
  return wrong.length === 0 ? [] : [...matrixText(wrong), ""];
}

function lineText({ scenario, rows }: MatrixLine): string[] {
  const same = rows.length === 2 && sameRow(rows[0]!, rows[1]!);
  const shown = same ? [{ ...rows[0]!, under: "both" }] : rows;
  return shown.map((row, i) => {
    const name = fit(i === 0 ? nameOf(scenario) : "", ID_WIDTH);
    const [under] = row.under.split(",") as [string];
    return `${name} ${fit(UNDER[under] ?? under.slice(3), 7)} ${cells(row)}`;
  });
}

/** The id, and `!11` behind it if that patch is left out of the layers. */
const nameOf = ({ id, without = [] }: MatrixLine["scenario"]): string =>
  [id, ...without.map((patch) => `!${patch}`)].join(" ");

const sameRow = (a: JudgedRow, b: JudgedRow): boolean =>
  String(a.seen) === String(b.seen) && String(a.declared) === String(b.declared);

/**
 * Short names of the conditions of a row; that of an erratum loses the erratum, which the id has.
 */
const UNDER: Readonly<Record<string, string>> = {
  promised: "promise",
  merged: "merged",
  both: "both",
};

/** `#` holds, `.` does not; `!` marks what is not as declared. */
function cells(row: JudgedRow): string {
  const wrong = new Set(contradictions(row));
  return row.seen
    .map((holds, layer) => {
      if (wrong.has(layer)) return pc.red("!");
      return holds ? pc.green("#") : pc.dim(".");
    })
    .join("");
}
