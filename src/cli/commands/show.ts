import type { Command } from "commander";
import { recordOnReference } from "../../adapters/reference/reference-implementation.ts";
import { claimText, ownClaim } from "../../conformance/claim.ts";
import { matrixLine } from "../../conformance/matrix.ts";
import { caseText } from "../../report/case-text.ts";
import { neededCapabilities } from "../../scenario/capabilities.ts";
import { addCompositionFlags, claimOf, type CompositionFlags } from "../composition-options.ts";
import { print, printJson } from "../output.ts";
import { addFileFlag, selectCase } from "../select.ts";
import { UsageError } from "../usage-error.ts";

type Flags = CompositionFlags & { readonly file?: readonly string[]; readonly json?: true };

/** `kmc show CASE`: what a case does and expects, its row, and what happens inside on one layer. */
export function add(command: Command): void {
  addCompositionFlags(
    addFileFlag(command.argument("[case]", "the id of a case, or a file of your own")).option(
      "--json",
      "as JSON",
    ),
  ).action((id: string | undefined, options: Flags) => {
    const { file = [] } = options;
    if (id === undefined && file.length === 0) {
      throw new UsageError("say what to show: a case, or --file with one of your own");
    }
    const scenario = selectCase({ ...(id !== undefined && { case: id }), file });
    const claim = claimOf(options) ?? ownClaim(scenario);
    const record = recordOnReference(claim.composition, scenario);
    const on = claimText(claim);
    if (options.json === true) {
      const needs = neededCapabilities(scenario);
      printJson({ kind: "case", format: 1, case: scenario, needs, on, record });
    } else {
      print(caseText(matrixLine(scenario), on, record));
    }
  });
}
