import type { Command } from "commander";
import type { Asked } from "../../adapters/protocol/transcript.ts";
import { referenceImplementation } from "../../adapters/reference/reference-implementation.ts";
import { type Claim, claimLayer, claimText } from "../../conformance/claim.ts";
import type { Deviations } from "../../conformance/deviations.ts";
import { isGood } from "../../conformance/run-cases.ts";
import { runSuites, type SuitesRun } from "../../conformance/run-suites.ts";
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
import { addSelectionFlags, isChosen, select, type Selection } from "../select.ts";
import { TranscriptFile } from "../transcript-file.ts";
import { UsageError } from "../usage-error.ts";
import { ensureWritable, isSameFile, isStandardOutput, writeWhole } from "../write-file.ts";

/** What a run is asked for, whatever is under test. */
export type RunFlags = CompositionFlags &
  Selection &
  Partial<Record<RunFormat, string | true>> & {
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
  return addSelectionFlags(addDeviationsFlag(command))
    .option("--smoke", "only the few cases that together reject every known-bad variant")
    .option("--transcript <file>", "writes down all that is said, for `kmc replay`")
    .option("--json [file]", "as JSON; prints it, as with -, or writes the file")
    .option("--junit [file]", "as JUnit XML")
    .option("--ktap [file]", "as KTAP")
    .option("--markdown [file]", "as Markdown")
    .option("--html [file]", "as one HTML page");
}

export async function run(flags: Flags): Promise<void> {
  const deviations = flags.deviations === undefined ? null : readDeviations(flags.deviations);
  const options = deviations === null ? flags : { ...flags, ...withClaim(flags, deviations) };
  const claim = claimOf(options);
  const { suite, own } = select(options);
  const cases = [...suite, ...own];
  if (flags.transcript !== undefined && flags.impl === undefined) {
    throw new UsageError("--transcript needs --impl");
  }
  const { printed, files } = destinationsOf(flags);
  for (const { path } of files) ensureWritable(path);
  refuseSameFile(files);

  const found = await reportOf(cases, own, claim, flags, deviations);
  const report = deviations === null ? found : inLightOf(deviations, found, cases);

  for (const { path, what } of files) {
    if (what !== "transcript") writeWhole(path, RUN_FORMATS[what](report));
  }
  if (printed === undefined) print(runText(report));
  else if (printed !== "transcript") process.stdout.write(RUN_FORMATS[printed](report));
  process.exitCode = exitCodeOf(report);
}

/** @throws UsageError if one report would replace another */
function refuseSameFile(files: readonly { readonly path: string; readonly what: Written }[]): void {
  for (const [i, { path, what }] of files.entries()) {
    const other = files.slice(0, i).find((each) => isSameFile(each.path, path));
    if (other === undefined) continue;
    throw new UsageError(`--${other.what} and --${what} name the same file: ${path}`);
  }
}

/** What a run can be written to. */
const WRITTEN = [...(Object.keys(RUN_FORMATS) as RunFormat[]), "transcript"] as const;
type Written = (typeof WRITTEN)[number];

/** What goes to standard output instead of the text, and what to files. @throws UsageError */
function destinationsOf(flags: Flags): {
  readonly printed: Written | undefined;
  readonly files: readonly { readonly path: string; readonly what: Written }[];
} {
  const asked = WRITTEN.flatMap((what) => {
    const path = flags[what] === true ? "-" : flags[what];
    return path === undefined ? [] : [{ path, what }];
  });
  const [printed, another] = asked.filter(({ path }) => isStandardOutput(path));
  if (printed !== undefined && another !== undefined) {
    throw new UsageError(
      `--${printed.what} and --${another.what}: only one can be printed; name files for the others`,
    );
  }
  return { printed: printed?.what, files: asked.filter((each) => each !== printed) };
}

async function reportOf(
  cases: readonly Case[],
  own: readonly Case[],
  claim: Claim | null,
  flags: Flags,
  deviations: Deviations | null,
): Promise<RunReport> {
  const transcript = flags.transcript === undefined ? null : new TranscriptFile(flags.transcript);
  const started = await startImplementation(flags, transcript?.addCase);
  const chosen = isChosen(flags);
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
    await started.close();
    throw error;
  }
  const { name, version } = underTest.introduction;
  const claimed = claim ?? claimLayer(LAST_LAYER);
  transcript?.add([
    {
      transcript: 1,
      introduction: underTest.introduction,
      asked: askedFor(claimed, cases, own, !saysErrata(flags), chosen),
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
  own: readonly Case[],
  findErrata: boolean,
  chosen: boolean,
): Asked => ({
  ...{ patches, slips, remedies, cases: cases.map(({ id }) => id), findErrata, chosen },
  ...(own.length > 0 && { own }),
});

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
