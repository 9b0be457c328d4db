import type { Command } from "commander";
import { killsOf } from "../../conformance/mutants.ts";
import { mutants } from "../../reference/mutants/index.ts";
import { mutantsJson } from "../../report/mutants-json.ts";
import { mutantsText } from "../../report/mutants-text.ts";
import { withProgress } from "../../report/progress.ts";
import { parsePatches } from "../../conformance/claim.ts";
import { EXIT } from "../exit-codes.ts";
import { print, printJson } from "../output.ts";
import { parsed } from "../parsed.ts";
import { addPatchFlag } from "../select.ts";
import { loadCases } from "../../scenario/load-cases.ts";

/** `kmc mutants`: which cases reject which known-bad variant of a patch. */
export function add(command: Command): void {
  addPatchFlag(command, "mutants")
    .option("--json", "as JSON")
    .action((options: { patch?: string; json?: boolean }) => {
      const patches = options.patch === undefined ? null : parsed(options.patch, parsePatches);
      const wanted = mutants.filter(({ patch }) => patches?.includes(patch) ?? true);
      const cases = loadCases();
      const kills = withProgress("mutant", wanted, (mutant) => killsOf(mutant, cases));
      if (options.json === true) printJson(mutantsJson(kills));
      else print(mutantsText(kills));
      const survived = kills.some(({ by }) => by.length === 0);
      process.exitCode = survived ? EXIT.fails : kills.length === 0 ? EXIT.inconclusive : EXIT.ok;
    });
}
