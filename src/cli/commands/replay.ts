import { readFileSync } from "node:fs";
import type { Command } from "commander";
import {
  parseTranscript,
  transcribedImplementation,
  type Transcript,
  TranscriptError,
} from "../../adapters/protocol/transcript.ts";
import { claimSet } from "../../conformance/claim.ts";
import { runSuites } from "../../conformance/run-suites.ts";
import { runJson } from "../../report/run-json.ts";
import type { RunReport } from "../../report/run-report.ts";
import { runText } from "../../report/run-text.ts";
import { neededCapabilities } from "../../scenario/capabilities.ts";
import { loadCases } from "../../scenario/load-cases.ts";
import { print, printJson } from "../output.ts";
import { UsageError } from "../usage-error.ts";
import { exitCodeOf, reportParts } from "./run.ts";

/** `kmc replay FILE`: judges again what was written down with `kmc run --transcript`. */
export function add(command: Command): void {
  command
    .argument("<transcript>", "written by `kmc run --transcript`")

    .option("--json", "as JSON")
    .action(async (file: string, { json }: { json?: true }) => {
      const report = await judgeAgain(read(file), file);
      if (json === true) printJson(runJson(report));
      else print(runText(report));
      process.exitCode = exitCodeOf(report);
    });
}

async function judgeAgain(transcript: Transcript, file: string): Promise<RunReport> {
  const { introduction, asked, said, end } = transcript;
  const known = new Map(loadCases().map((scenario) => [scenario.id, scenario]));
  const cases = asked.cases.map((id) => {
    const scenario = known.get(id);
    if (scenario !== undefined) return scenario;
    throw new UsageError(`${file} is about the case ${id}, which this version does not have`);
  });
  const implementation = transcribedImplementation(transcript);
  const wereRun = cases.filter(
    (scenario) =>
      said.has(scenario.id) || !neededCapabilities(scenario).every(implementation.offers),
  );
  const { patches, slips, remedies, findErrata, chosen } = asked;
  const claim = claimSet(patches, slips, remedies);
  const found = await runSuites([implementation], { cases: wereRun, claim, findErrata, chosen });
  const { name, version } = introduction;
  const parts = reportParts(cases, { ...found, left: end.notRun });
  return { implementation: { name, version }, ...parts, restarts: end.restarts };
}

function read(file: string): Transcript {
  try {
    return parseTranscript(readFileSync(file, "utf8"), file);
  } catch (error) {
    if (error instanceof TranscriptError) throw new UsageError(error.message);
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new UsageError(`${file} cannot be read: ${code}`);
  }
}
