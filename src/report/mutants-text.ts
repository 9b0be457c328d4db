import { pc } from "./colours.ts";
import type { Kill } from "../conformance/mutants.ts";
import { suiteHead } from "./suite-head.ts";
import { fit, labelled, plural } from "./table.ts";

/**
 * The kill table as text: every mutant, what is wrong with it, and how many cases of its suite
 * reject it.
 */
export function mutantsText(kills: readonly Kill[]): string[] {
  const text: string[] = [];
  let patch = -1;
  for (const { mutant, by } of kills) {
    if (mutant.patch !== patch) {
      patch = mutant.patch;
      text.push("", suiteHead(patch));
    }
    const verdict = by.length > 0 ? pc.green("killed by") : pc.red("SURVIVES ");
    text.push(
      `${fit(mutant.id, 50)} ${verdict} ${by.length > 0 ? String(by.length).padStart(2) : ""}`,
    );
    text.push(...labelled("    ", mutant.title).map((line) => pc.dim(line)));
  }
  const survivors = kills.filter(({ by }) => by.length === 0);
  return [
    ...text,
    "",
    `${plural(kills.length, "mutant")}, ${kills.length - survivors.length} killed by their patch's own suite`,
    ...survivors.map(({ mutant }) => pc.red(`survivor: ${mutant.id}`)),
  ];
}
