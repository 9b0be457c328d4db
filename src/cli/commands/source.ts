import type { Command } from "commander";
import { pc } from "../../report/colours.ts";
import { claimText } from "../../conformance/claim.ts";
import { LAST_LAYER } from "../../reference/compose.ts";
import { claimLayer } from "../../conformance/claim.ts";
import { flatten } from "../../report/source-text.ts";
import { addCompositionFlags, claimOf, type CompositionFlags } from "../composition-options.ts";
import { print, printJson } from "../output.ts";

/** `kmc source`: what the series touches, as it stands in one composition, in one flat listing. */
export function addSource(program: Command): void {
  addCompositionFlags(
    program
      .command("source")
      .description("what the series touches, as one layer has it, in one flat listing")
      .option("--json", "as JSON"),
  ).action((options: CompositionFlags & { json?: boolean }) => {
    const claim = claimOf(options) ?? claimLayer(LAST_LAYER);
    const operations = flatten(claim.composition);
    if (options.json === true) {
      printJson({ kind: "source", format: 1, composition: claimText(claim), operations });
      return;
    }
    print([
      pc.dim(
        `// ${claimText(claim)}: ${operations.length} operations, in the order of the kernel's files`,
      ),
      ...operations.flatMap(({ name, origin, file, text }) => [
        "",
        pc.dim(`// ---- ${name}: ${origin}, ${file}`),
        text,
      ]),
    ]);
  });
}
