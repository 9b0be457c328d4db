import type { Case } from "./case.generated.ts";
import { CaseError } from "./case-error.ts";
import { checkSteps, type Fail } from "./check-steps.ts";

/** What a schema cannot say: that a case does not contradict itself. @throws CaseError */
export function checkCase(scenario: Case, file: string): void {
  const fail: Fail = (pointer, problem) => {
    throw new CaseError(file, pointer, problem);
  };
  checkId(scenario, fail);
  checkLayers(scenario, fail);
  checkSteps(scenario, fail);
}

function checkId(scenario: Case, fail: Fail): void {
  const { id, proof, erratum } = scenario;
  const isOfErratum = proof === "defect" || proof === "mended";
  if (proof !== "witness" && isOfErratum !== (erratum !== undefined)) {
    const verb = erratum === undefined ? "needs" : "does not go with";
    fail("/proof", `proof "${proof}" ${verb} an erratum`);
  }
  const expected = prefix(scenario);
  if (!id.startsWith(`${expected}.`)) {
    const of = erratum ?? (scenario.patch === 0 ? "every layer" : `patch ${scenario.patch}`);
    fail("/id", `the id of a case of ${of} starts with "${expected}."`);
  }
}

/** What the id of a case starts with. */
function prefix({ patch, erratum }: Pick<Case, "patch" | "erratum">): string {
  if (erratum !== undefined) return erratum;
  return patch === 0 ? "all" : `p${String(patch).padStart(2, "0")}`;
}

function checkLayers({ patch, proof, layers, alsoHolds = [] }: Case, fail: Fail): void {
  if (layers.from > layers.to) {
    fail("/layers", `the range from ${layers.from} to ${layers.to} is empty`);
  }
  if (proof === "layer" && layers.from !== patch) {
    fail("/layers/from", `a case that patch ${patch} makes true must hold from layer ${patch} on`);
  }
  if (proof === "refactor" && (layers.from > patch || layers.to < patch)) {
    fail("/layers", `layer ${patch}, the patch's own, is outside ${layers.from}..${layers.to}`);
  }
  if (proof === "invariant" && (layers.from > 0 || layers.to < 27)) {
    fail("/layers", "an invariant holds on all layers, 0 to 27");
  }
  for (const [i, other] of alsoHolds.entries()) {
    const { from, to } = other.layers;
    if (from > to) fail(`/alsoHolds/${i}/layers`, `the range from ${from} to ${to} is empty`);
    if (from <= layers.to && to >= layers.from) {
      const ranges = `${from}..${to} overlaps with ${layers.from}..${layers.to}`;
      fail(`/alsoHolds/${i}/layers`, `${ranges}: give layers outside that range`);
    }
  }
}
