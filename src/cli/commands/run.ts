import type { Command } from "commander";
import type { Asked } from "../../adapters/protocol/transcript.ts";
import { referenceImplementation } from "../../adapters/reference/reference-implementation.ts";
import { type Claim, claimLayer, claimText } from "../../conformance/claim.ts";
import type { Deviations } from "../../conformance/deviations.ts";
import { isGood } from "../../conformance/run-cases.ts";
import { runSuites, type SuitesRun } from "../../conformance/run-suites.ts";
import { smokeCases } from "../../conformance/smoke.ts";
import { LAST_LAYER } from "../../reference/compose.ts";
import { Progress } from "../../report/progress.ts";
import { RUN_FORMATS, type RunFormat } from "../../report/run-formats.ts";
import type { RunReport } from "../../report/run-report.ts";
import { runText } from "../../report/run-text.ts";
import type { Case } from "../../scenario/case.generated.ts";
import { addCompositionFlags, claimOf, type CompositionFlags } from "../composition-options.ts";
import {
  addDeviationsFlag,
  inLightOf,
  readDeviations,
  withClaim,
  withWidth,
} from "../deviations-option.ts";
import { EXIT } from "../exit-codes.ts";
import {
  addImplementationFlags,
  type ImplementationFlags,
  startImplementation,
  type UnderTest,
} from "../implementation-options.ts";
import { untilInterrupted } from "../interrupt.ts";
import { print } from "../output.ts";
import { REFERENCE, runOnOwnLayers } from "../run-on-reference.ts";
import { selectCases, type Selection } from "../select.ts";
import { TranscriptFile } from "../transcript-file.ts";
import { UsageError } from "../usage-error.ts";
import { ensureWritable, writeWhole } from "../write-file.ts";

/** What a run is asked for, whatever is under test. */
export type RunFlags = CompositionFlags &
  Selection &
  Partial<Record<RunFormat, string | true>> & {
    readonly smoke?: true;
    readonly deviations?: string;
    readonly transcript?: string;
  };

type Flags = RunFlags & ImplementationFlags;

/** `kmc run`: runs cases on an implementation, or on the reference, and judges them. */
export function add(command: Command): void {
  addImplementationFlags(command);
  addRunFlags(command).action(run);
}

export function addRunFlags(command: Command): Command {
  addCompositionFlags(command);
  return addDeviationsFlag(command)
    .option("--patch <n>", "only the suite of this patch, whether or not the layer has the patch")
    .option("--case <id>", "only this case")
    .option("--smoke", "only the few cases that together reject every known-bad variant")
    .option("--transcript <file>", "writes down all that is said, for `kmc replay`")
    .option("--json [file]", "as JSON; prints it, or writes the file")
    .option("--junit [file]", "as JUnit XML")
    .option("--ktap [file]", "as KTAP")
    .option("--markdown [file]", "as Markdown")
    .option("--html [file]", "as one HTML page");
}

export async function run(flags: Flags): Promise<void> {
  const deviations = flags.deviations === undefined ? null : readDeviations(flags.deviations);
  const options = deviations === null ? flags : { ...flags, ...withClaim(flags, deviations) };
  const claim = claimOf(options);
  const selected = selectCases(options);
  const cases = flags.smoke === true ? smokeCases(selected) : selected;

  const formats = Object.keys(RUN_FORMATS) as RunFormat[];
  const files = formats.flatMap((format) => {
    const path = flags[format];
    return typeof path === "string" ? [{ path, format }] : [];
  });
  const [printed, another] = formats.filter((format) => flags[format] === true);
  if (another !== undefined) {
    throw new UsageError(
      `--${printed} and --${another}: only one can be printed; name files for the others`,
    );
  }
  for (const { path } of files) ensureWritable(path);

  const found = await reportOf(cases, claim, flags, deviations);
  const report = deviations === null ? found : inLightOf(deviations, found, cases);

  for (const { path, format } of files) writeWhole(path, RUN_FORMATS[format](report));
  if (printed === undefined) print(runText(report));
  else process.stdout.write(RUN_FORMATS[printed](report));
  process.exitCode = exitCodeOf(report);
}

async function reportOf(
  cases: readonly Case[],
  claim: Claim | null,
  flags: Flags,
  deviations: Deviations | null,
): Promise<RunReport> {
  if (flags.transcript !== undefined && flags.impl === undefined) {
    throw new UsageError("--transcript needs --impl");
  }
  const transcript = flags.transcript === undefined ? null : new TranscriptFile(flags.transcript);
  const started = await startImplementation(flags, transcript?.addCase).catch((error: unknown) => {
    transcript?.discard();
    throw error;
  });
  const chosen = flags.patch !== undefined || flags.case !== undefined;
  if (started === null) {
    if (claim === null) return runOnOwnLayers(cases);
    const reference = referenceImplementation(claim.composition, "reference");
    const found = await runSuites([reference], { cases, claim, findErrata: false, chosen });
    return { implementation: REFERENCE, restarts: 0, ...reportParts(cases, found) };
  }
  let underTest: UnderTest;
  try {
    underTest = deviations === null ? started : withWidth(started, deviations);
  } catch (error) {
    transcript?.discard();
    await started.close();
    throw error;
  }
  const { name, version } = underTest.introduction;
  const claimed = claim ?? claimLayer(LAST_LAYER);
  transcript?.add([
    {
      transcript: 1,
      introduction: underTest.introduction,
      asked: askedFor(claimed, cases, !saysErrata(flags), chosen),
    },
  ]);
  const found = await runOn(underTest, cases, claimed, !saysErrata(flags), chosen, transcript);
  const restarts = underTest.restarts();
  transcript?.add([{ end: { restarts, notRun: found.left.map(({ id }) => id) } }]);
  transcript?.end();
  return { implementation: { name, version }, restarts, ...reportParts(cases, found) };
}

const askedFor = (
  { composition: { patches, slips, remedies } }: Claim,
  cases: readonly Case[],
  findErrata: boolean,
  chosen: boolean,
): Asked => ({ patches, slips, remedies, cases: cases.map(({ id }) => id), findErrata, chosen });

/** Whether the user says which errata there are. */
const saysErrata = ({ profile, slips, remedies, deviations }: Flags): boolean =>
  (profile ?? slips ?? remedies ?? deviations) !== undefined;

async function runOn(
  underTest: UnderTest,
  cases: readonly Case[],
  claim: Claim,
  findErrata: boolean,
  chosen: boolean,
  transcript: TranscriptFile | null,
): Promise<SuitesRun> {
  const progress = new Progress("case", cases.length);
  const found = await untilInterrupted(underTest, (signal) => {
    signal.addEventListener("abort", () => transcript?.endCases());
    return runSuites(underTest.workers, {
      ...{ cases, claim, findErrata, chosen, signal },
      onResult: ({ scenario }) => {
        progress.step(scenario.id);
      },
    });
  });
  progress.end();
  return found;
}

export function reportParts(
  cases: readonly Case[],
  { claim, results, left }: SuitesRun,
): Pick<RunReport, "claim" | "results" | "leftOut" | "notRun" | "unseen"> {
  const { patches } = claim.composition;
  const claimed = cases.filter(({ patch }) => patches.includes(patch));
  const run = results.filter(({ scenario }) => patches.includes(scenario.patch)).length;
  const leftOut = Math.max(0, claimed.length - run - left.length);
  return { claim: claimText(claim), results, leftOut, notRun: left.length, unseen: [] };
}

export function exitCodeOf({ results, notRun, unseen }: RunReport): number {
  const isFine = results.every(({ verdict }) => isGood(verdict) || verdict === "not-assessed");
  if (!isFine || unseen.length > 0) return EXIT.fails;
  const isWhole = notRun === 0 && results.some(({ verdict }) => isGood(verdict));
  return isWhole ? EXIT.ok : EXIT.inconclusive;
}
