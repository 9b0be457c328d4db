import type { Command } from "commander";
import { claimLayer } from "../../conformance/claim.ts";
import { scenarioOfCase } from "../../explore/case-scenario.ts";
import {
  checkObligation,
  composeSubject,
  loadObligation,
  type Obligation,
  obligationIds,
  propertyOf,
  readObligation,
} from "../../explore/obligation.ts";
import { ALWAYS, PROPERTIES } from "../../explore/properties/index.ts";
import type { Property } from "../../explore/property.ts";
import type { Scenario } from "../../explore/scenario.ts";
import { search, type SearchOptions, type Violation } from "../../explore/search.ts";
import { shortestWitness, witnessOf } from "../../explore/witness.ts";
import { type Composition, LAST_LAYER } from "../../reference/compose.ts";
import {
  checkedHead,
  checkedLine,
  obligationHead,
  searchLines,
} from "../../report/explore-text.ts";
import { labelled } from "../../report/table.ts";
import { witnessMarkdown, witnessText } from "../../report/witness-text.ts";
import { loadCase, loadCases } from "../../scenario/load-cases.ts";
import { addCompositionFlags, claimOf, type CompositionFlags } from "../composition-options.ts";
import { EXIT } from "../exit-codes.ts";
import { print } from "../output.ts";
import { parseNumber } from "../select.ts";
import { UsageError } from "../usage-error.ts";

interface Flags extends CompositionFlags {
  readonly property?: string;
  readonly bound?: string;
  readonly max: string;
  readonly sleepSets: boolean;
  readonly hashing: boolean;
  readonly markdown?: true;
}

/** `kmc explore`: all orders of the threads of a scenario. */
export function add(command: Command): void {
  addCompositionFlags(
    command.argument(
      "[target]",
      "an obligation, a case, or a file of either; else all obligations",
    ),
  )
    .option("--property <list>", `what must hold: ${PROPERTIES.map(({ id }) => id).join(", ")}`)
    .option("--bound <k>", "leave a thread that could go on at most so many times")
    .option("--max <n>", "end after so many executions", "1000000")
    .option("--no-sleep-sets", "take all orders of steps that commute")
    .option("--no-hashing", "go on from states that were seen before")
    .option("--markdown", "the witness as Markdown")
    .action(explore);
}

function explore(target: string | undefined, flags: Flags): void {
  const options: SearchOptions = {
    sleepSets: flags.sleepSets,
    hashing: flags.hashing,
    maxExecutions: parseNumber(flags.max, 1, Number.MAX_SAFE_INTEGER, "number of executions"),
    ...(flags.bound !== undefined && { preemptions: parseNumber(flags.bound, 0, 1000, "bound") }),
  };
  const claim = claimOf(flags);
  const ids = target === undefined ? obligationIds() : [target];
  if (claim === null && flags.property === undefined) {
    const obligations = ids.map((id) => obligationNamed(id));
    if (obligations.every((each) => each !== null)) {
      checkAll(obligations, options, flags);
      return;
    }
  }
  if (target === undefined) throw new UsageError("say what to explore: an obligation or a case");
  const obligation = obligationNamed(target);
  const scenario = obligation?.scenario ?? scenarioOfCase(caseNamed(target));
  const { composition } = claim ?? claimLayer(LAST_LAYER);
  const properties = propertiesNamed(flags.property, obligation);
  exploreOne(composition, scenario, properties, options, flags);
}

const isFile = (target: string): boolean => target.endsWith(".json");

function obligationNamed(target: string): Obligation | null {
  if (obligationIds().includes(target)) return loadObligation(target);
  return isFile(target) && target.includes("obligation") ? readObligation(target) : null;
}

function caseNamed(target: string) {
  if (isFile(target)) return loadCase(target);
  const found = loadCases().find(({ id }) => id === target);
  if (found !== undefined) return found;
  throw new UsageError(`there is no case and no obligation ${target}`);
}

function propertiesNamed(list: string | undefined, obligation: Obligation | null): Property[] {
  const own = obligation === null ? ALWAYS : [obligation.property];
  return (list?.split(",") ?? own).map((id) => {
    const property = PROPERTIES.find((each) => each.id === id);
    if (property !== undefined) return property;
    const known = PROPERTIES.map((each) => each.id).join(", ");
    throw new UsageError(`there is no property ${id}; there are ${known}`);
  });
}

function checkAll(obligations: readonly Obligation[], options: SearchOptions, flags: Flags): void {
  let code: number = EXIT.ok;
  for (const obligation of obligations) {
    print([...obligationHead(obligation), "", checkedHead()]);
    for (const checked of checkObligation(obligation, options)) {
      print([checkedLine(checked)]);
      if (checked.result.notCovered !== null && code === EXIT.ok) code = EXIT.inconclusive;
      else if (!checked.holds) code = EXIT.fails;
    }
    print([""]);
    const property = propertyOf(obligation);
    const [subject] = obligation.reachable;
    if (obligations.length > 1 || property === null || subject === undefined) continue;
    const composition = composeSubject(subject);
    const witness = shortestWitness(composition, obligation.scenario, property);
    if (witness !== null) printWitness(composition, obligation.scenario, witness, flags);
  }
  process.exitCode = code;
}

function exploreOne(
  composition: Composition,
  scenario: Scenario,
  properties: readonly Property[],
  options: SearchOptions,
  flags: Flags,
): void {
  const result = search(composition, scenario, { ...options, properties });
  for (const violation of result.violations) {
    const property = properties.find(({ id }) => id === violation.property);
    const witness = property && shortestWitness(composition, scenario, property);
    printWitness(composition, scenario, witness ?? violation, flags);
  }
  print(searchLines(result));
  if (result.violations.length > 0) process.exitCode = EXIT.fails;
  else process.exitCode = result.notCovered === null ? EXIT.ok : EXIT.inconclusive;
}

function printWitness(
  composition: Composition,
  scenario: Scenario,
  violation: Violation,
  { markdown }: Flags,
): void {
  const { rows, after } = witnessOf(composition, scenario, violation);
  const threads = Object.keys(scenario.threads);
  const { property, finding, atEnd } = violation;
  const when = atEnd ? " (in the steps after the threads)" : "";
  const table = markdown === true ? witnessMarkdown(threads, rows) : witnessText(threads, rows);
  print([...labelled(`${property}: `, `${finding.sentence}${when}.`), "", ...table, ""]);
  if (after.length > 0) print([...after.map((text) => `    afterwards: ${text}`), ""]);
}
