import type { Command } from "commander";
import { listText } from "../../report/list-text.ts";
import { EXIT } from "../exit-codes.ts";
import { print, printJson } from "../output.ts";
import { addSelectionFlags, selectCases, type Selection } from "../select.ts";

/** `kmc list`: the cases, by patch. */
export function add(command: Command): void {
  addSelectionFlags(command)
    .option("--json", "as JSON")
    .action((options: Selection & { json?: boolean }) => {
      const cases = selectCases(options);
      if (options.json === true) {
        const entries = cases.map(({ id, patch, title, proof, layers, profile, erratum }) => ({
          ...{ id, patch, title, proof, layers, profile },
          ...(erratum !== undefined && { erratum }),
        }));
        printJson({ kind: "list", format: 1, cases: entries });
      } else {
        print(listText(cases));
      }
      process.exitCode = cases.length === 0 ? EXIT.inconclusive : EXIT.ok;
    });
}
