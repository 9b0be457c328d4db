import type { Command } from "commander";
import { recordOnReference } from "../../adapters/reference/reference-implementation.ts";
import { claimText, ownClaim } from "../../conformance/claim.ts";
import { matrixLine } from "../../conformance/matrix.ts";
import { caseText } from "../../report/case-text.ts";
import { neededCapabilities } from "../../scenario/capabilities.ts";
import type { Case } from "../../scenario/case.generated.ts";
import { addCompositionFlags, claimOf, type CompositionFlags } from "../composition-options.ts";
import { print, printJson } from "../output.ts";
import { selectCases } from "../select.ts";

/** `kmc show CASE`: what a case does and expects, its row, and what happens inside on one layer. */
export function add(command: Command): void {
  addCompositionFlags(
    command
      .argument("<case>", "the id of a case")

      .option("--json", "as JSON"),
  ).action((id: string, options: CompositionFlags & { json?: boolean }) => {
    const [scenario] = selectCases({ case: id }) as [Case];
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
