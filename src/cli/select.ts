import type { Command } from "commander";
import { parsePatches } from "../conformance/claim.ts";
import { smokeIds } from "../conformance/smoke.ts";
import type { Case } from "../scenario/case.generated.ts";
import { CaseError } from "../scenario/case-error.ts";
import {
  type CaseFile,
  caseFiles,
  loadCases,
  readCase,
  readCases,
} from "../scenario/load-cases.ts";
import { eachFile, listed } from "./option-values.ts";
import { parsed } from "./parsed.ts";
import { UsageError } from "./usage-error.ts";

/** Options that say which cases. */
export interface Selection {
  readonly patch?: string;
  readonly case?: string;
  readonly file?: readonly string[];
  readonly smoke?: true;
}

export const addPatchFlag = (command: Command, what: string): Command =>
  command.option("--patch <list>", `only the ${what} of these patches: 3 or 1-8,11`, listed);

export const addFileFlag = (command: Command): Command =>
  command.option("--file <file>", "a case of your own (docs/case-format.md)", eachFile);

export const addSelectionFlags = (command: Command): Command =>
  addFileFlag(
    addPatchFlag(command, "suites").option(
      "--case <list>",
      "only these cases: ids, patterns like p11.*, files of your own",
      listed,
    ),
  );

/** Whether the user says which cases. */
export const isChosen = ({ patch, case: names, file }: Selection): boolean =>
  (patch ?? names ?? file) !== undefined;

/** The cases that are asked for. @throws UsageError, CaseError */
export function selectCases(selection: Selection, fixtures?: string): Case[] {
  const { suite, own } = select(selection, fixtures);
  return [...suite, ...own];
}

/**
 * What is asked for; no other file is read. A person's own cases take the place of those of the
 * suite that have their ids. @throws UsageError, CaseError
 */
export function select(
  selection: Selection,
  fixtures?: string,
): { readonly suite: readonly Case[]; readonly own: readonly Case[] } {
  const { patch, case: names, file = [], smoke } = selection;
  if (smoke === undefined && !isChosen(selection)) return { suite: loadCases(fixtures), own: [] };
  const named = names?.split(",").map((name) => name.trim());
  const own = ownCases([...(named?.filter(isPath) ?? []), ...file]);
  const patterns = named?.filter((name) => !isPath(name)) ?? [];
  if (own.length > 0 && patterns.length === 0 && (patch ?? smoke) === undefined) {
    return { suite: [], own };
  }
  const files = matching(ofSuites(caseFiles(fixtures), patch), patterns, patch);
  const ids = smoke === undefined ? null : smokeIds();
  const replaced = new Set(own.map(({ id }) => id));
  const wanted = files.filter(({ id }) => ids?.has(id) !== false && !replaced.has(id));
  return { suite: readCases(wanted), own };
}

/** The one case of an id, a pattern or a file. @throws UsageError, CaseError */
export function selectCase(selection: Selection): Case {
  const [found, ...others] = selectCases(selection);
  if (found !== undefined && others.length === 0) return found;
  const ids = [found, ...others].flatMap((each) => each?.id ?? []);
  throw new UsageError(`one case can be shown, not ${ids.length}: ${ids.join(", ")}`);
}

/** Ids have no slashes and end otherwise. */
export const isPath = (name: string): boolean => name.includes("/") || name.endsWith(".json");

function ownCases(paths: readonly string[]): Case[] {
  const byId = new Map<string, { readonly path: string; readonly scenario: Case }>();
  for (const path of paths) {
    const scenario = readCase(path);
    const other = byId.get(scenario.id);
    if (other !== undefined) throw new CaseError(path, "/id", `is the id of ${other.path}, too`);
    byId.set(scenario.id, { path, scenario });
  }
  return [...byId.values()].map(({ scenario }) => scenario);
}

function ofSuites(files: readonly CaseFile[], list: string | undefined): readonly CaseFile[] {
  if (list === undefined) return files;
  const wanted = parsed(list, (text) => parsePatches(text, 0));
  return files.filter(({ patch }) => wanted.includes(patch));
}

/** Those that any of the patterns names; each names one at least. @throws UsageError */
function matching(
  files: readonly CaseFile[],
  patterns: readonly string[],
  patch: string | undefined,
): readonly CaseFile[] {
  if (patterns.length === 0) return files;
  const tests = patterns.map((pattern) => {
    const matches = matcher(pattern);
    if (files.some(({ id }) => matches(id))) return matches;
    const where = patch === undefined ? "" : ` in the suite of patch ${patch}`;
    throw new UsageError(`there is no case "${pattern}"${where}${similar(pattern, files)}`);
  });
  return files.filter(({ id }) => tests.some((matches) => matches(id)));
}

/** An id, in which `*` stands for any part. */
function matcher(pattern: string): (id: string) => boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return (id) => id === pattern;
  return (id) => {
    if (!id.startsWith(first)) return false;
    let at = first.length;
    for (const part of rest) {
      const found = id.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return id.length - last.length >= at && id.endsWith(last);
  };
}

/** Names the case whose id has most in common with a wrong one. */
function similar(id: string, files: readonly CaseFile[]): string {
  const parts = new Set(id.split(/[.-]/));
  const score = (other: string): number =>
    other.split(/[.-]/).filter((part) => parts.has(part)).length;
  const best = [...files].sort((a, b) => score(b.id) - score(a.id))[0];
  return best !== undefined && score(best.id) > 1
    ? `; did you mean ${best.id}?`
    : "; see `kmc list`";
}
