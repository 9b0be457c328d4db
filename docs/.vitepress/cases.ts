import type { Plugin } from "vite";
import { LAST_LAYER } from "../../src/reference/compose.ts";
import { loadCases } from "../../src/scenario/load-cases.ts";

const NAME = "virtual:cases";

/**
 * Gives pages the cases: `virtual:cases` tells their ids by patch, and loads those of one patch when
 * they are wanted.
 */
export function cases(): Plugin {
  const all = loadCases();
  const patches = Array.from({ length: LAST_LAYER + 1 }, (_, patch) => patch);
  const of = (patch: number) => all.filter((each) => each.patch === patch);
  return {
    name: "cases",
    resolveId: (id) => (id === NAME || id.startsWith(`${NAME}/`) ? `\0${id}` : null),
    load(id) {
      if (id === `\0${NAME}`) {
        const ids = patches.map((patch) => of(patch).map((each) => each.id));
        const loaders = patches.map((patch) => `() => import("${NAME}/${patch}")`);
        return `export const ids = ${JSON.stringify(ids)};\nexport const load = [${loaders.join()}];`;
      }
      if (!id.startsWith(`\0${NAME}/`)) return null;
      const found = of(Number(id.slice(NAME.length + 2)));
      return `export default JSON.parse(${JSON.stringify(JSON.stringify(found))});`;
    },
  };
}
