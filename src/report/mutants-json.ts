import type { Kill } from "../conformance/mutants.ts";

/** The kill table as a document (fixtures/schema/output.schema.json, `mutants`). */
export function mutantsJson(kills: readonly Kill[]) {
  return {
    kind: "mutants",
    format: 1,
    mutants: kills.map(({ mutant, by, alsoBy }) => ({
      id: mutant.id,
      patch: mutant.patch,
      title: mutant.title,
      killedBy: by,
      alsoRejectedBy: alsoBy,
    })),
    survivors: kills.filter(({ by }) => by.length === 0).map(({ mutant }) => mutant.id),
  };
}
