import type { Command } from "commander";
import { claimLayer, claimText } from "../../conformance/claim.ts";
import { LAST_LAYER, type Composition } from "../../reference/compose.ts";
import type { OperationName } from "../../reference/operations.ts";
import { changeText } from "../../report/change-text.ts";

import { changedOperations, movedOperations, sourceOf } from "../../report/source-text.ts";
import { labelled } from "../../report/table.ts";
import { addErrataFlags, errataOf, type ErrataFlags } from "../composition-options.ts";
import { print, printJson } from "../output.ts";
import { parseNumber } from "../parsed.ts";

/** `kmc diff 10 11`: which functions change between two layers, with their text. */
export function add(command: Command): void {
  addErrataFlags(
    command
      .argument("<from>", "a layer")
      .argument("<to>", "another layer")

      .option("--json", "as JSON"),
  ).action((from: string, to: string, options: ErrataFlags & { json?: boolean }) => {
    const { slips, remedies } = errataOf(options);
    const [before, after] = [from, to].map((text) =>
      claimLayer(parseNumber(text, 0, LAST_LAYER, "layer"), slips, remedies),
    ) as [ReturnType<typeof claimLayer>, ReturnType<typeof claimLayer>];
    const changes = changedOperations(before.composition, after.composition).map((name) => ({
      name,
      before: textIn(name, before.composition),
      after: textIn(name, after.composition),
    }));
    const moved = movedOperations(before.composition, after.composition);
    if (options.json === true) {
      const ends = { from: claimText(before), to: claimText(after) };
      printJson({ kind: "diff", format: 1, ...ends, changes, moved });
      return;
    }
    print([
      ...labelled("", `${claimText(before)} → ${claimText(after)}`),
      ...changes.flatMap((change) => ["", ...changeText(change)]),
      ...(moved.length > 0 ? ["", ...labelled("stand at another place: ", moved.join(", "))] : []),
      ...(changes.length + moved.length === 0 ? ["", "nothing changes"] : []),
    ]);
  });
}

const textIn = (name: OperationName, composition: Composition): string | null =>
  composition.order.includes(name) ? sourceOf(name, composition).text : null;
