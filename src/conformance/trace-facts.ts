import type { TraceFile } from "../adapters/recording/read-trace.ts";
import { base } from "../reference/base/index.ts";
import type { Composition } from "../reference/compose.ts";
import { ACC_ALL } from "../reference/machine/constants.ts";
import type { PageState } from "../reference/machine/events.ts";
import { isAbsent, type OperationName } from "../reference/operations.ts";

/** Tracepoints of a kernel, each with its fields. */
export type Formats = ReadonlyMap<string, readonly string[]>;

/** What is known of a kernel beside its recording. */
export interface DeclaredFacts {
  /** The format files of its tracepoints. */
  readonly formats?: Formats;
  /** The tracepoints that it has. */
  readonly events?: ReadonlySet<string>;
  /** The functions that it has. One that is inlined is not among them. */
  readonly symbols?: ReadonlySet<string>;
}

/** Something that a kernel declares otherwise than a composition does. */
export interface Contradiction {
  /** What it is about: a tracepoint or a function. */
  readonly about: string;
  readonly kernel: string;
  readonly model: string;
  /** The line of the recording that tells, from 1; null: another file does. */
  readonly line: number | null;
}

/** The format files of tracefs, one after the other. Fields that every event has are left out. */
export function parseFormats(text: string): Formats {
  const formats = new Map<string, string[]>();
  let fields: string[] = [];
  for (const line of text.split("\n")) {
    const name = /^name: (\w+)/.exec(line)?.[1];
    if (name !== undefined) formats.set(name, (fields = []));
    const field = /^\s*field:[^;]*?(\w+)(?:\[[^\]]*\])?;/.exec(line)?.[1];
    if (field !== undefined && !field.startsWith("common_")) fields.push(field);
  }
  return formats;
}

/** A file in which a line is not what the others are. One sentence begins with the file. */
export class UnknownForm extends Error {
  override readonly name = "UnknownForm";
}

/** Systems whose tracepoints are the kernel's own: a probe may have any name. */
const SYSTEMS: readonly (string | undefined)[] = [undefined, "kvm", "kvmmmu"];

/** What may stand around a name, as `perf list`, `bpftrace -l` and the folders of tracefs do. */
const AROUND =
  /^tracepoint:|^.*\/events\/|^events\/|\/(?:enable|filter|format|id)?$| *\[Tracepoint event\]$/g;
const NAME = /^(?:([\w.-]+)[:/])?([\w.-]+)$/;

/**
 * Names of tracepoints, one a line: what `ls events/kvmmmu` prints, `available_events` has, or
 * `trace-cmd list`, `perf list`, `bpftrace -l` print. @throws UnknownForm
 */
export function parseEvents(text: string): ReadonlySet<string> {
  const all = text.split("\n").map((line) => line.trim());
  // perf tells of events of other kinds, too, and how to name them.
  const isPerf = all.some((line) => line.endsWith(TRACEPOINT));
  const names = new Set<string>();
  for (const [i, line] of all.entries()) {
    if (line === "" || (isPerf && !line.endsWith(TRACEPOINT))) continue;
    const match = NAME.exec(line.replaceAll(AROUND, ""));
    if (match === null) {
      throw new UnknownForm(
        `line ${i + 1} is no name of a tracepoint: what is read is a line for each, as of available_events`,
      );
    }
    const [, system, name] = match;
    if (SYSTEMS.includes(system)) names.add(name!);
  }
  return names;
}

const TRACEPOINT = "[Tracepoint event]";

/** Whether some of the names are of the MMU's tracepoints; otherwise nothing is said of them. */
export const isAboutMmu = (names: Iterable<string>): boolean =>
  [...names].some((name) => name in base.tracepoints);

/** A symbol table: `System.map`, or `/proc/kallsyms`. @throws UnknownForm */
export function parseSymbols(text: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [i, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const name = /^ *(?:[\da-f]{8,})? +\S +(\S+)/.exec(line)?.[1];
    if (name === undefined) {
      throw new UnknownForm(
        `line ${i + 1} is no symbol: what is read has an address, a letter and a name in each`,
      );
    }
    names.add(name.replace(/\.(?:isra|part|constprop|cold)\..*$/, ""));
  }
  return names;
}

/**
 * What a kernel declares otherwise than a composition; empty if they agree as far as is known.
 * @param shown tracepoints that a recording of the kernel shows: they are there, whatever is declared.
 */
export function contradictions(
  composition: Composition,
  { formats, events, symbols }: DeclaredFacts,
  shown: ReadonlySet<string> = new Set(),
): Contradiction[] {
  const { ops } = composition;
  const found: Contradiction[] = [];
  const declared = events ?? (formats === undefined ? null : new Set(formats.keys()));
  const has = declared && new Set([...declared, ...shown]);
  for (const name of Object.keys(base.tracepoints)) {
    const fields = ops.tracepoints[name];
    const seen = formats?.get(name);
    if (has !== null && has.has(name) !== (fields !== undefined)) {
      found.push(presence(`tracepoint ${name}`, has.has(name), null));
    } else if (seen !== undefined && fields !== undefined && String(seen) !== String(fields)) {
      const kernel = `fields ${seen.join(", ")}`;
      const model = `fields ${fields.join(", ")}`;
      found.push({ about: `tracepoint ${name}`, kernel, model, line: null });
    }
  }
  for (const name of symbols ?? []) {
    if (isUnknownTo(name, composition)) found.push(presence(`function ${name}`, true, null));
  }
  return found;
}

/** The same of what the recording itself shows: what its tracepoints print. */
export function contradictionsIn(
  { ops }: Composition,
  { showsValidGen }: Pick<TraceFile, "showsValidGen">,
): Contradiction[] {
  const prints = ops.KVM_MMU_PAGE_PRINTK(A_PAGE).startsWith("sp gen ");
  if (showsValidGen === null || showsValidGen.shown === prints) return [];
  const { shown, line } = showsValidGen;
  return [presence("mmu_valid_gen in the tracepoints of shadow pages", shown, line)];
}

const A_PAGE: PageState = {
  ...{ id: 1, gfn: 0, level: 1, direct: true, access: ACC_ALL, smm: false },
  ...{ invalid: false, root_count: 0, unsync: false, mmu_valid_gen: 0 },
};

/** Whether the series knows a function, and the composition does not have it. */
const isUnknownTo = (name: string, { ops }: Composition): boolean =>
  isAbsent(ops[name as OperationName]);

const presence = (about: string, isThere: boolean, line: number | null): Contradiction => ({
  about,
  kernel: isThere ? "there" : "not there",
  model: isThere ? "not there" : "there",
  line,
});
