import { join } from "node:path";
import type { Plugin } from "vite";
import { loadObligation, obligationIds, WITNESSES } from "../../src/explore/obligation.ts";
import { witnessId } from "../../src/explore/witness-case.ts";
import { LAST_LAYER } from "../../src/reference/compose.ts";
import type { Case } from "../../src/scenario/case.generated.ts";
import { loadCase, loadCases } from "../../src/scenario/load-cases.ts";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";
import { witnessSides } from "../../src/stepper/witness.ts";

const NAME = "virtual:cases";

/**
 * Gives pages the cases: `virtual:cases` tells their ids by group, and loads those of one group when
 * they are wanted. Groups are patches, and behind them the witnesses of the explorer.
 */
export function cases(): Plugin {
  const all = loadCases();
  const witnesses = loadWitnesses();
  const sides = Object.fromEntries(witnesses.map(({ witness: { id }, sides }) => [id, sides]));
  const groups: readonly (readonly Case[])[] = [
    ...Array.from({ length: LAST_LAYER + 1 }, (_, patch) => all.filter((c) => c.patch === patch)),
    witnesses.map(({ witness }) => witness),
  ];
  return {
    name: "cases",
    resolveId: (id) => (id === NAME || id.startsWith(`${NAME}/`) ? `\0${id}` : null),
    load(id) {
      if (id === `\0${NAME}`) {
        const ids = groups.map((group) => group.map((each) => each.id));
        const loaders = groups.map((_, group) => `() => import("${NAME}/${group}")`);
        return [
          `export const ids = ${JSON.stringify(ids)};`,
          `export const load = [${loaders.join()}];`,
          `export const witnessSides = ${JSON.stringify(sides)};`,
        ].join("\n");
      }
      if (!id.startsWith(`\0${NAME}/`)) return null;
      const found = groups[Number(id.slice(NAME.length + 2))];
      return `export default JSON.parse(${JSON.stringify(JSON.stringify(found))});`;
    },
  };
}

/** The witnesses, each with the sides that it is opened with. */
function loadWitnesses(): { readonly witness: Case; readonly sides: readonly string[] }[] {
  return obligationIds().flatMap((name) => {
    const obligation = loadObligation(name);
    const id = witnessId(obligation);
    if (id === null) return [];
    const witness = loadCase(join(PACKAGE_ROOT, WITNESSES, `${id}.json`));
    return [{ witness, sides: witnessSides(obligation) }];
  });
}
