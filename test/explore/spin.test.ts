import { expect, test } from "vitest";
import { loadObligation, searchSubject } from "../../src/explore/obligation.ts";
import { describeWith } from "../support/needs.ts";
import { readModel, verify } from "../support/spin.ts";

/** A model under macros, and the obligation and layer that it is about. */
const SUBJECTS = [
  { model: "hook-before-store", defines: [], id: "01", layer: 0, reachable: true },
  { model: "hook-before-store", defines: ["PATCH"], id: "01", layer: 1, reachable: false },
  ...[
    { defines: ["GONE_ENTRY"], layer: 0 },
    { defines: ["GONE_ENTRY", "PATCH"], layer: 1 },
  ].map((each) => ({ model: "hook-before-store", id: "gone-entry", reachable: true, ...each })),
  { model: "no-caching-in-flux", defines: [], id: "03", layer: 2, reachable: true },
  { model: "no-caching-in-flux", defines: ["PATCH"], id: "03", layer: 3, reachable: false },
];

/** What the patched models do not stand: a text in them, and what replaces it. */
const MUTANTS = [
  ["hook-before-store", "a hook given the old number", "_updated(new);", "_updated(generation);"],
  ["hook-before-store", "a zap that leaves the entry", "spte = none;", "skip;"],
  ["no-caching-in-flux", "a fill that ignores the flag", ":: seen & FLUX\n", ":: false\n"],
  ["no-caching-in-flux", "an install that waits for nobody", "\tsynchronize_srcu();\n", ""],
] as const;

describeWith("spin", "SPIN on the Promela models", () => {
  test.each(SUBJECTS)(
    "agrees with the explorer on obligation $id on layer $layer",
    ({ model, defines, id, layer, reachable }) => {
      const { errors, complete, states } = verify(readModel(model), defines);
      expect({ reachable: errors > 0, complete }).toEqual({ reachable, complete: true });
      expect(states).toBeGreaterThan(100);

      const [explored, { notCovered }] = searchSubject(loadObligation(id), { layer });
      expect({ explored, notCovered }).toEqual({ explored: reachable, notCovered: null });
    },
  );

  test.each(MUTANTS)("%s is not proved of %s", (name, _mutant, text, instead) => {
    const model = readModel(name);
    expect(model).toContain(text);
    const { errors, complete } = verify(model.replace(text, instead), ["PATCH"]);
    expect(complete).toBe(true);
    expect(errors).toBeGreaterThan(0);
  });

  test("says so when a search was cut off", () => {
    const endless = "int n; active proctype p() { do :: n >= 0 -> n++ od }";
    expect(verify(endless, []).complete).toBe(false);
  });
});
