import type { Command } from "commander";
import { FIELDS, KINDS, type Kind } from "../../adapters/recording/observation.ts";
import { Recording, UnreadableFile } from "../../adapters/recording/recording.ts";
import type { Candidate } from "../../conformance/candidate.ts";
import {
  identifyTraces,
  type TraceIdentification,
  withEverySlip,
} from "../../conformance/identify-traces.ts";
import type { TraceQuestion } from "../../conformance/judge-traces.ts";
import {
  type DeclaredFacts,
  isAboutMmu,
  parseEvents,
  parseFormats,
  parseSymbols,
  UnknownForm,
} from "../../conformance/trace-facts.ts";
import { traceVerdict } from "../../conformance/trace-verdict.ts";
import { traceJson } from "../../report/trace-json.ts";
import { traceText } from "../../report/trace-text.ts";
import { addCompositionFlags, claimOf, type CompositionFlags } from "../composition-options.ts";
import { EXIT } from "../exit-codes.ts";
import { checkJsonFlag, type JsonFlag, output } from "../output.ts";
import { listed } from "../option-values.ts";
import { readText } from "../read-text.ts";
import { UsageError } from "../usage-error.ts";

interface Flags extends CompositionFlags {
  readonly identify?: true;
  readonly ignore?: string;
  readonly formats?: string;
  readonly events?: string;
  readonly symbols?: string;
  readonly json?: JsonFlag;
}

const MADE = 'docs/trace.md, "Making a recording", says how one is made';

const EXITS = { agrees: EXIT.ok, diverges: EXIT.fails, inconclusive: EXIT.inconclusive };

/** `kmc trace FILE…`: whether what a real kernel did is what the reference does. */
export function add(command: Command): void {
  addCompositionFlags(
    command.argument("<files...>", "recordings of one kernel: ftrace text; - is standard input"),
  )
    .option("--identify", "which layers or patches it agrees with; so without a claim")
    .option(
      "--ignore <list>",
      "what not to compare: reload, or a field like mark_mmio_spte.access",
      listed,
    )
    .option("--formats <file>", "format files of the kernel's tracepoints, one after the other")
    .option("--events <file>", "names of the tracepoints that the kernel has")
    .option("--symbols <file>", "the kernel's symbols: System.map or /proc/kallsyms")
    .option("--json [file]", "as JSON; prints it, or writes the file")
    .action(trace);
}

async function trace(files: readonly string[], flags: Flags): Promise<void> {
  const candidates = candidatesOf(flags);
  const facts = factsOf(flags);
  checkJsonFlag(flags.json);
  const leftOut = new Set(flags.ignore === undefined ? [] : flags.ignore.split(",").map(ignored));
  const found = await identified(files, { facts, leftOut }, candidates);
  for (const { file, read } of found.read) {
    if (read.lines === 0) {
      throw new UsageError(`${file} is empty: ${MADE}`);
    }
    if (read.events > 0 || read.foreign.count === 0) continue;
    const what = `none of its ${read.lines} lines tells an event`;
    throw new UsageError(`${file} is not ftrace text: ${what}; ${read.foreignText ?? MADE}`);
  }
  const verdict = traceVerdict(found);
  output(flags.json, traceJson(found, verdict), traceText(found, verdict));
  process.exitCode = EXITS[verdict.verdict];
}

/** What the recordings are compared with: what is claimed, with every slip unless it says which. */
function candidatesOf(flags: Flags): readonly Candidate[] | undefined {
  const claim = claimOf(flags);
  if (claim === null) return undefined;
  if (flags.identify === true) {
    throw new UsageError("--identify finds out what the others claim: say one or the other");
  }
  const { patches, slips, remedies } = claim.composition;
  const { profile, slips: said, remedies: saidRemedies } = flags;
  if ((profile ?? said ?? saidRemedies) === undefined) return withEverySlip(new Set(patches));
  return [{ patches: new Set(patches), errata: new Set([...slips, ...remedies]) }];
}

/** A kind, or `kind.field`. @throws UsageError */
function ignored(text: string): string {
  const name = text.trim();
  const [kind = "", field, ...rest] = name.split(".");
  if (!KINDS.includes(kind as Kind)) {
    throw new UsageError(`there is no event "${kind}" to ignore; there are ${KINDS.join(", ")}`);
  }
  if (kind === "page_fault") {
    throw new UsageError("page_fault cannot be ignored: it tells what the guest did");
  }
  const fields = FIELDS[kind as Kind] ?? [];
  if (field !== undefined && (rest.length > 0 || !fields.includes(field))) {
    const those = fields.length === 0 ? "it has none" : `there are ${fields.join(", ")}`;
    throw new UsageError(`"${name}" is no field of ${kind}; ${those}`);
  }
  return name;
}

function factsOf({ formats, events, symbols }: Flags): DeclaredFacts {
  return {
    ...(formats !== undefined && { formats: tracepoints(formats, parseFormats) }),
    ...(events !== undefined && { events: tracepoints(events, parseEvents) }),
    ...(symbols !== undefined && { symbols: named(symbols, parseSymbols, "symbol") }),
  };
}

/** @throws UsageError for a file that does not tell what it is asked for. */
function tracepoints<T extends Named>(file: string, parse: (text: string) => T): T {
  const found = named(file, parse, "tracepoint");
  if (isAboutMmu(found.keys())) return found;
  throw new UsageError(
    `${file} names no tracepoint of kvmmmu, so it does not tell which are there`,
  );
}

interface Named {
  readonly size: number;
  keys(): Iterable<string>;
}

/** @throws UsageError for a file in which nothing is found, or something else. */
function named<T extends { readonly size: number }>(
  file: string,
  parse: (text: string) => T,
  what: string,
): T {
  try {
    const found = parse(readText(file));
    if (found.size > 0) return found;
  } catch (error) {
    throw error instanceof UnknownForm ? new UsageError(`${file}, ${error.message}`) : error;
  }
  throw new UsageError(`${file} names no ${what}`);
}

/** @throws UsageError for a file that is not there, or of another kind. */
async function identified(
  files: readonly string[],
  question: Omit<TraceQuestion, "recordings">,
  candidates: readonly Candidate[] | undefined,
): Promise<TraceIdentification> {
  const recordings: Recording[] = [];
  try {
    for (const file of files) recordings.push(await Recording.open(file));
    return await identifyTraces({ ...question, recordings }, candidates);
  } catch (error) {
    throw error instanceof UnreadableFile ? new UsageError(error.message) : error;
  } finally {
    for (const recording of recordings) recording.close();
  }
}
