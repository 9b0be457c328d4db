import type { Command } from "commander";
import { claimLayer, claimText } from "../../conformance/claim.ts";
import { scenarioOfCase } from "../../explore/case-scenario.ts";
import { exploreObligations } from "../../explore/explore-obligations.ts";
import {
  type Exploration,
  exploreObligation,
  exploreScenario,
  type Question,
  verdictOf,
} from "../../explore/exploration.ts";
import { LIVELOCK } from "../../explore/livelock.ts";
import {
  loadObligation,
  type Obligation,
  obligationIds,
  readObligation,
} from "../../explore/obligation.ts";
import { ALWAYS, PROPERTIES } from "../../explore/properties/index.ts";
import type { Counts, SearchOptions } from "../../explore/search.ts";
import { LAST_LAYER } from "../../reference/compose.ts";
import { explorationsHtml } from "../../report/explore-html.ts";
import { explorationsJson } from "../../report/explore-json.ts";
import { explorationMarkdown } from "../../report/explore-markdown.ts";
import { explorationText } from "../../report/explore-text.ts";
import { LiveLine } from "../../report/progress.ts";
import type { Case } from "../../scenario/case.generated.ts";
import { caseFiles, readCase, readCases } from "../../scenario/load-cases.ts";
import { addCompositionFlags, claimOf, type CompositionFlags } from "../composition-options.ts";
import { EXIT } from "../exit-codes.ts";
import { print, printJson } from "../output.ts";
import { listed } from "../option-values.ts";
import { parseNumber } from "../parsed.ts";
import { isPath } from "../select.ts";
import { UsageError } from "../usage-error.ts";
import { ensureWritable, isStandardOutput, writeWhole } from "../write-file.ts";

interface Flags extends CompositionFlags {
  readonly property?: string;
  readonly bound?: string;
  readonly max: string;
  readonly sleepSets: boolean;
  readonly hashing: boolean;
  readonly markdown?: true;
  readonly json?: true;
  readonly html?: string;
}

const PROPERTY_IDS: readonly string[] = [...PROPERTIES.map(({ id }) => id), LIVELOCK];

/** `kmc explore`: all orders of the threads of a scenario. */
export function add(command: Command): void {
  addCompositionFlags(
    command.argument(
      "[target]",
      "an obligation, a case, or a file of either; else all obligations",
    ),
  )
    .option("--property <list>", `what must hold: ${PROPERTY_IDS.join(", ")}`, listed)
    .option("--bound <k>", "leave a thread that could go on at most so many times")
    .option("--max <n>", "end after so many executions", "1000000")
    .option("--no-sleep-sets", "take all orders of steps that commute")
    .option("--no-hashing", "go on from states that were seen before")
    .option("--markdown", "as Markdown")
    .option("--json", "as JSON")
    .option("--html <file>", "also as one HTML page; - prints it instead")
    .action(explore);
}

async function explore(target: string | undefined, flags: Flags): Promise<void> {
  const { printed, html } = destinationsOf(flags);
  if (html !== undefined) ensureWritable(html);
  const explorations: Exploration[] = [];
  const line = new LiveLine();
  const onProgress = (id: string, { executions, states }: Counts): void => {
    line.show(`${id}: ${executions} executions, ${states} states`);
  };
  for await (const exploration of explored(target, flags, onProgress)) {
    line.clear();
    explorations.push(exploration);
    if (printed === "markdown") print(explorationMarkdown(exploration));
    else if (printed === undefined) print([...explorationText(exploration), ""]);
  }
  if (printed === "json") printJson(explorationsJson(explorations));
  if (printed === "html") process.stdout.write(explorationsHtml(explorations));
  if (html !== undefined) writeWhole(html, explorationsHtml(explorations));
  process.exitCode = exitOf(explorations);
}

/** What is printed instead of text, and where else the page goes. @throws UsageError */
function destinationsOf({ markdown, json, html }: Flags): {
  readonly printed: "markdown" | "json" | "html" | undefined;
  readonly html: string | undefined;
} {
  const isPrinted = html !== undefined && isStandardOutput(html);
  const formats = { markdown: markdown === true, json: json === true, html: isPrinted };
  const [printed, another] = (["markdown", "json", "html"] as const).filter(
    (name) => formats[name],
  );
  if (another !== undefined) {
    throw new UsageError(`--${printed} and --${another}: only one can be printed`);
  }
  return { printed, html: isPrinted ? undefined : html };
}

/** What is asked for, searched. @throws UsageError, CaseError */
function explored(
  target: string | undefined,
  flags: Flags,
  onProgress: (id: string, counts: Counts) => void,
): Iterable<Exploration> | AsyncIterable<Exploration> {
  const options: SearchOptions = {
    sleepSets: flags.sleepSets,
    hashing: flags.hashing,
    maxExecutions: parseNumber(flags.max, 1, Number.MAX_SAFE_INTEGER, "number of executions"),
    ...(flags.bound !== undefined && { preemptions: parseNumber(flags.bound, 0, 1000, "bound") }),
  };
  const telling = (id: string): SearchOptions => ({
    ...options,
    onProgress: (counts) => {
      onProgress(id, counts);
    },
  });
  const claim = claimOf(flags);
  const obligation = target === undefined ? null : obligationNamed(target);
  if (claim === null && flags.property === undefined) {
    if (target === undefined) return exploreObligations(obligationIds(), options, onProgress);
    if (obligation !== null) return [exploreObligation(obligation, telling(obligation.id), true)];
  }
  if (target === undefined) throw new UsageError("say what to explore: an obligation or a case");
  const question = questionOf(obligation ?? caseNamed(target), flags);
  const { composition, ...chosen } = claim ?? claimLayer(LAST_LAYER);
  const subject = claimText({ composition, ...chosen });
  return [exploreScenario(question, composition, subject, telling(question.id))];
}

function obligationNamed(target: string): Obligation | null {
  if (obligationIds().includes(target)) return loadObligation(target);
  return isPath(target) && target.includes("obligation") ? readObligation(target) : null;
}

function caseNamed(target: string): Case {
  if (isPath(target)) return readCase(target);
  const [found] = readCases(caseFiles().filter(({ id }) => id === target));
  if (found !== undefined) return found;
  throw new UsageError(`there is no case and no obligation ${target}`);
}

function questionOf(about: Obligation | Case, { property }: Flags): Question {
  const isObligation = "scenario" in about;
  const own = isObligation ? [about.property] : ALWAYS;
  const wanted = property?.split(",") ?? own;
  for (const id of wanted) {
    if (PROPERTY_IDS.includes(id)) continue;
    throw new UsageError(`there is no property ${id}; there are ${PROPERTY_IDS.join(", ")}`);
  }
  return {
    ...{ id: about.id, title: about.title, why: about.why },
    scenario: isObligation ? about.scenario : scenarioOfCase(about),
    properties: PROPERTIES.filter(({ id }) => wanted.includes(id)),
    progress: wanted.includes(LIVELOCK),
  };
}

function exitOf(explorations: readonly Exploration[]): number {
  const verdicts = explorations.flatMap(({ searches }) => searches.map(verdictOf));
  if (verdicts.includes("fails")) return EXIT.fails;
  return verdicts.includes("not covered") ? EXIT.inconclusive : EXIT.ok;
}
