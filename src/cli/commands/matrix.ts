import type { Command } from "commander";
import { contradictions, isDiscriminated, matrixLine } from "../../conformance/matrix.ts";
import { matrixJson } from "../../report/matrix-json.ts";
import { matrixText, wrongRowsText } from "../../report/matrix-text.ts";
import { staircaseText } from "../../report/staircase-text.ts";
import { plural } from "../../report/table.ts";
import { withProgress } from "../../report/progress.ts";
import { EXIT } from "../exit-codes.ts";
import { print, printJson } from "../output.ts";
import { addSelectionFlags, isChosen, selectCases, type Selection } from "../select.ts";

/**
 * `kmc matrix`: on which layers of the reference each case holds, and whether that is as it
 * declares.
 */
export function add(command: Command): void {
  addSelectionFlags(command)
    .option("--full", "a row for each case, also if none is chosen")
    .option("--json", "as JSON")
    .action((options: Selection & { full?: boolean; json?: boolean }) => {
      const cases = selectCases(options);
      const lines = withProgress("case", cases, matrixLine);
      const wrong = lines.filter(({ rows }) => rows.some((row) => contradictions(row).length > 0));
      if (options.json === true) {
        printJson(matrixJson(lines));
      } else {
        const patches = [...new Set(cases.map(({ patch }) => patch))].filter((patch) => patch > 0);
        const told = patches.filter((patch) => isDiscriminated(patch, lines)).length;
        print([
          // Of what somebody has chosen each row is shown, of everything what fits on a screen.
          ...(options.full === true || isChosen(options)
            ? matrixText(lines)
            : [...wrongRowsText(lines), ...staircaseText(lines)]),
          "",
          `${plural(lines.length, "case")}, ${lines.length - wrong.length} as declared; ` +
            `${told} of ${plural(patches.length, "patch")} told apart from the layer below`,
        ]);
      }
      process.exitCode =
        wrong.length > 0 ? EXIT.fails : lines.length === 0 ? EXIT.inconclusive : EXIT.ok;
    });
}
