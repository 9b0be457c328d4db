import type { Command } from "commander";
import {
  parseTranscript,
  transcribedImplementation,
  type Transcript,
  TranscriptError,
} from "../../adapters/protocol/transcript.ts";
import { claimSet } from "../../conformance/claim.ts";
import type { Deviations } from "../../conformance/deviations.ts";
import { lackedBy } from "../../conformance/harness.ts";
import { runSuites } from "../../conformance/run-suites.ts";
import { runJson } from "../../report/run-json.ts";
import type { RunReport } from "../../report/run-report.ts";
import { runText } from "../../report/run-text.ts";
import type { Case } from "../../scenario/case.generated.ts";
import { caseFiles, readCases } from "../../scenario/load-cases.ts";
import { claimOf } from "../composition-options.ts";
import { addDeviationsFlag, inLightOf, readDeviations, withClaim } from "../deviations-option.ts";
import { print, printJson } from "../output.ts";
import { readText } from "../read-text.ts";
import { UsageError } from "../usage-error.ts";
import { exitCodeOf, reportParts } from "./run.ts";

interface Flags {
  readonly deviations?: string;
  readonly json?: true;
}

/** `kmc replay FILE`: judges again what was written down with `kmc run --transcript`. */
export function add(command: Command): void {
  addDeviationsFlag(command.argument("<transcript>", "written by `kmc run --transcript`"))
    .option("--json", "as JSON")
    .action(async (file: string, flags: Flags) => {
      const deviations = flags.deviations === undefined ? null : readDeviations(flags.deviations);
      const transcript = read(file);
      const cases = casesOf(transcript, file);
      const found = await judgeAgain(transcript, cases, deviations);
      const report = deviations === null ? found : inLightOf(deviations, found, cases);
      if (flags.json === true) printJson(runJson(report));
      else print(runText(report));
      process.exitCode = exitCodeOf(report);
    });
}

/** The cases that the run was about. */
function casesOf({ asked }: Transcript, file: string): Case[] {
  const own = asked.own ?? [];
  const suite = caseFiles().filter(({ id }) => asked.cases.includes(id));
  const known = new Map([...readCases(suite), ...own].map((scenario) => [scenario.id, scenario]));
  return asked.cases.map((id) => {
    const scenario = known.get(id);
    if (scenario !== undefined) return scenario;
    throw new UsageError(`${file} is about the case ${id}, which this version does not have`);
  });
}

/** As `kmc run` would judge it, had it been given these deviations. */
async function judgeAgain(
  transcript: Transcript,
  cases: readonly Case[],
  deviations: Deviations | null,
): Promise<RunReport> {
  const { introduction, asked, said, end } = transcript;
  const { patches, slips, remedies, chosen } = asked;
  const implementation = transcribedImplementation(transcript);
  const found = await runSuites([implementation], {
    ...{ cases, chosen },
    claim:
      (deviations === null ? null : claimOf(withClaim({}, deviations))) ??
      claimSet(patches, slips, remedies),
    findErrata: deviations === null && asked.findErrata,
    // Nothing was said in a case that it could not be asked, unless the run ended before.
    canRun: (scenario) =>
      said.has(scenario.id) ||
      (!end.notRun.includes(scenario.id) && lackedBy(implementation, scenario).length > 0),
  });
  const { name, version } = introduction;
  const { restarts } = end;
  return { implementation: { name, version }, restarts, ...reportParts(cases, found) };
}

function read(file: string): Transcript {
  try {
    return parseTranscript(readText(file), file);
  } catch (error) {
    throw error instanceof TranscriptError ? new UsageError(error.message) : error;
  }
}
