import { join } from "node:path";
import { expect, test } from "vitest";
import { loadObligation, obligationIds, WITNESSES } from "../../src/explore/obligation.ts";
import { witnessId } from "../../src/explore/witness-case.ts";
import { loadCase } from "../../src/scenario/load-cases.ts";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";
import { CaseRun } from "../../src/stepper/case-run.ts";
import { sideOf } from "../../src/stepper/composition.ts";
import { caseViolations } from "../../src/stepper/verdict.ts";
import { witnessSides } from "../../src/stepper/witness.ts";

test.each([
  ["11", ["10", "11"]],
  ["E4.wrap", ["14+E4", "14"]],
  ["E5", ["0", "27+E5"]],
  ["gone-entry", ["0"]],
])("the witness of %s is opened with %j", (id, sides) => {
  expect(witnessSides(loadObligation(id))).toEqual(sides);
});

const witnesses = obligationIds().flatMap((name) => {
  const obligation = loadObligation(name);
  const id = witnessId(obligation);
  return id === null ? [] : [{ id, obligation }];
});

test.each(witnesses)("$id shows its bad outcome on its first side only", ({ id, obligation }) => {
  const witness = loadCase(join(PACKAGE_ROOT, WITNESSES, `${id}.json`));
  const shown = witnessSides(obligation).map((side) => {
    const run = new CaseRun(sideOf(side).composition, witness);
    while (run.turn !== null) run.goOn();
    return caseViolations(run)!.length === 0;
  });
  // A side is a layer: what lacks a patch of it is none.
  const { reachable, unreachable } = obligation;
  const hasSide = (subjects: typeof reachable): boolean =>
    subjects.some(({ without }) => without === undefined);
  expect(shown).toEqual([
    ...(hasSide(reachable) ? [true] : []),
    ...(hasSide(unreachable) ? [false] : []),
  ]);
});
