import type { Command } from "commander";
import { killsOf } from "../../conformance/mutants.ts";
import { mutants } from "../../reference/mutants/index.ts";
import { mutantsJson } from "../../report/mutants-json.ts";
import { mutantsText } from "../../report/mutants-text.ts";
import { withProgress } from "../../report/progress.ts";
import { LAST_LAYER } from "../../reference/compose.ts";
import { EXIT } from "../exit-codes.ts";
import { print, printJson } from "../output.ts";
import { parseNumber, selectCases } from "../select.ts";

/** `kmc mutants`: which cases reject which known-bad variant of a patch. */
export function add(command: Command): void {
  command

    .option("--patch <n>", "only the mutants of this patch")
    .option("--json", "as JSON")
    .action((options: { patch?: string; json?: boolean }) => {
      const wanted =
        options.patch === undefined
          ? mutants
          : mutants.filter(
              ({ patch }) => patch === parseNumber(options.patch!, 1, LAST_LAYER, "patch"),
            );
      const cases = selectCases({});
      const kills = withProgress("mutant", wanted, (mutant) => killsOf(mutant, cases));
      if (options.json === true) printJson(mutantsJson(kills));
      else print(mutantsText(kills));
      const survived = kills.some(({ by }) => by.length === 0);
      process.exitCode = survived ? EXIT.fails : kills.length === 0 ? EXIT.inconclusive : EXIT.ok;
    });
}
