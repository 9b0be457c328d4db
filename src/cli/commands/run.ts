import type { Command } from "commander";
import { referenceImplementation } from "../../adapters/reference/reference-implementation.ts";
import { type Claim, claimLayer, claimText, mustHold } from "../../conformance/claim.ts";
import { type CaseResult, runCase } from "../../conformance/run-cases.ts";
import { LAST_LAYER } from "../../reference/compose.ts";
import { Progress } from "../../report/progress.ts";
import { runJson } from "../../report/run-json.ts";
import { runText } from "../../report/run-text.ts";
import { plural } from "../../report/table.ts";
import type { Case } from "../../scenario/case.generated.ts";
import { addCompositionFlags, claimOf, type CompositionFlags } from "../composition-options.ts";
import { EXIT } from "../exit-codes.ts";
import { print, printJson } from "../output.ts";
import { selectCases, type Selection } from "../select.ts";

const OWN_LAYER = "each suite on the layer of its own patch";

/** `kmc run`: runs cases on the reference and judges them. */
export function addRun(program: Command): void {
  addCompositionFlags(
    program
      .command("run")
      .description("runs the suites on the reference, each on its own layer unless you say which")
      .option("--patch <n>", "only the suite of this patch, whether or not the layer has the patch")
      .option("--case <id>", "only this case")
      .option("--json", "as JSON"),
  ).action(async (options: CompositionFlags & Selection & { json?: boolean }) => {
    const claim = claimOf(options);
    const cases = selectCases(options);
    const results = await runOnReference(cases, claim, isChosen(options));
    const text = claim === null ? OWN_LAYER : claimText(claim);
    if (options.json === true) printJson(runJson("reference", text, results));
    else
      print([`reference, ${text}`, "", ...runText(results), ...leftOutText(cases, claim, results)]);
    process.exitCode = exitCodeOf(results);
  });
}

/** A line that tells of the cases of the claimed patches that were not run. */
function leftOutText(
  cases: readonly Case[],
  claim: Claim | null,
  results: readonly CaseResult[],
): string[] {
  if (claim === null) return [];
  const claimed = cases.filter(({ patch }) => claim.composition.patches.includes(patch));
  const count =
    claimed.length - results.filter(({ scenario }) => claimed.includes(scenario)).length;
  if (count === 0) return [];
  return [`${plural(count, "case")} of these patches left out: about other compositions`];
}

const isChosen = ({ patch, case: id }: Selection): boolean =>
  patch !== undefined || id !== undefined;

/**
 * Runs the cases that must hold, or, if the user has chosen them by name, all of them.
 * @param claim what the reference is to be composed of; null: for each case the layer of its patch.
 */
export async function runOnReference(
  cases: readonly Case[],
  claim: Claim | null,
  chosen: boolean,
): Promise<CaseResult[]> {
  const claimFor = (scenario: Case): Claim =>
    claim ?? claimLayer(scenario.patch === 0 ? LAST_LAYER : scenario.patch);
  const wanted = cases.filter(
    (scenario) => (chosen && claim !== null) || mustHold(scenario, claimFor(scenario)),
  );
  const progress = new Progress("case", wanted.length);
  const results: CaseResult[] = [];
  for (const scenario of wanted) {
    progress.step(scenario.id);
    const { composition } = claimFor(scenario);
    results.push(await runCase(scenario, referenceImplementation(composition, "reference")));
  }
  progress.end();
  return results;
}

export function exitCodeOf(results: readonly CaseResult[]): number {
  if (results.some(({ verdict }) => verdict === "fails")) return EXIT.fails;
  return results.some(({ verdict }) => verdict === "conforms") ? EXIT.ok : EXIT.inconclusive;
}
