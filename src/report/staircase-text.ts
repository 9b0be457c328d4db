import { type Stair, staircase } from "../conformance/staircase.ts";
import type { MatrixLine } from "../conformance/matrix.ts";
import { slugOf, titleOf } from "../scenario/suites.ts";
import { pc } from "./colours.ts";
import { fit, labelled, WIDTH } from "./table.ts";

const LAYERS = "0123456789012345678901234567";
const NAME = WIDTH - LAYERS.length - 1;

/** The matrix on one screen: a row for each patch, a column for each layer. */
export function staircaseText(lines: readonly MatrixLine[]): string[] {
  return [
    `${fit("", NAME)} layer     1         2`,
    `${fit("suite of patch", NAME)} ${LAYERS}`,
    ...staircase(lines).map(({ patch, stairs }) => {
      const name = `${slugOf(patch).slice(0, 2)} ${shortTitle(patch)}`;
      return `${fit(name, NAME)} ${stairs.map(cell).join("")}`;
    }),
    "",
    ...labelled(
      "",
      "On a layer of the reference # all cases of the suite hold, 9 to 1 so many tenths, . none; " +
        "! some are not as they declare.",
    ),
  ];
}

/** Subject lines without their subsystem: the column is narrow. */
export const shortTitle = (patch: number): string =>
  titleOf(patch).replace(/^KVM: (x86: |x86\/mmu: )?/, "");

function cell({ holds, of, isWrong }: Stair): string {
  if (isWrong) return pc.red("!");
  if (holds === of) return pc.green("#");
  // Few are some, and nearly all are not all.
  return holds === 0
    ? pc.dim(".")
    : String(Math.min(9, Math.max(1, Math.floor((10 * holds) / of))));
}
