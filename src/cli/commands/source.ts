import type { Command } from "commander";
import { pc } from "../../report/colours.ts";
import { claimText } from "../../conformance/claim.ts";
import { LAST_LAYER } from "../../reference/compose.ts";
import { claimLayer } from "../../conformance/claim.ts";
import { flatten } from "../../report/source-text.ts";
import { WIDTH, wrap } from "../../report/table.ts";
import { addCompositionFlags, claimOf, type CompositionFlags } from "../composition-options.ts";
import { print, printJson } from "../output.ts";

/** `kmc source`: what the series touches, as it stands in one composition, in one flat listing. */
export function add(command: Command): void {
  addCompositionFlags(command.option("--json", "as JSON")).action(
    (options: CompositionFlags & { json?: boolean }) => {
      const claim = claimOf(options) ?? claimLayer(LAST_LAYER);
      const operations = flatten(claim.composition);
      if (options.json === true) {
        printJson({ kind: "source", format: 1, composition: claimText(claim), operations });
        return;
      }
      const head = `${claimText(claim)}: ${operations.length} operations, in the order of the kernel's files`;
      print([
        ...comment(head),
        ...operations.flatMap(({ name, origin, file, text }) => [
          "",
          ...comment(`---- ${name}: ${origin}, ${file}`),
          text,
        ]),
      ]);
    },
  );
}

const comment = (text: string): string[] =>
  wrap(text, WIDTH - 3).map((line) => pc.dim(`// ${line}`));
