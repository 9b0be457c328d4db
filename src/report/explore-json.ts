import { type Exploration, verdictOf } from "../explore/exploration.ts";

/** Explorations as a document (fixtures/schema/output.schema.json, `explorations`). */
export const explorationsJson = (explorations: readonly Exploration[]): object => ({
  kind: "explorations",
  format: 1,
  explorations: explorations.map(({ id, title, why, searches, witnesses }) => ({
    id,
    title,
    why,
    searches: searches.map((searched) => {
      const { subject, expected, reached, result } = searched;
      const { executions, states, steps, notCovered } = result;
      const verdict = verdictOf(searched);
      return { subject, expected, reached, verdict, executions, states, steps, notCovered };
    }),
    witnesses: witnesses.map(({ property, sentence, atEnd, threads, rows, after }) => ({
      ...{ property, sentence, atEnd, threads, rows, after },
    })),
  })),
});
