import { readdirSync, readFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import type { Case } from "./case.generated.ts";
import { CaseError } from "./case-error.ts";
import { PACKAGE_ROOT } from "./package-root.ts";
import { parseCase } from "./parse-case.ts";

/** Folders under `fixtures/` that hold cases: one for each patch, and `00-every-layer`. */
const CASE_FOLDER = /^(\d\d)-/;

const FIXTURES = join(PACKAGE_ROOT, "fixtures");

/** Where a case of the suite is: its file is named after it, and its folder after its patch. */
export interface CaseFile {
  readonly id: string;
  readonly patch: number;
  readonly path: string;
}

/** The files of all cases of the suite, by folder and id. None is opened. */
export function caseFiles(fixtures: string = FIXTURES): CaseFile[] {
  const folders = readdirSync(fixtures).filter((name) => CASE_FOLDER.test(name));
  return folders.sort().flatMap((folder) => {
    const names = readdirSync(join(fixtures, folder)).filter((name) => name.endsWith(".json"));
    return names.sort().map((name) => ({
      id: basename(name, ".json"),
      patch: Number(CASE_FOLDER.exec(folder)![1]),
      path: join(fixtures, folder, name),
    }));
  });
}

/** Reads some of the cases of the suite. @throws CaseError */
export function readCases(files: readonly CaseFile[]): Case[] {
  const byId = new Map<string, { readonly scenario: Case; readonly file: string }>();
  for (const { path, patch } of files) {
    const scenario = loadCase(path);
    const file = shown(path);
    if (scenario.patch !== patch) {
      const problem = `is ${scenario.patch}, but the folder is that of patch ${patch}`;
      throw new CaseError(file, "/patch", problem);
    }
    const other = byId.get(scenario.id);
    if (other !== undefined) throw new CaseError(file, "/id", `is the id of ${other.file}, too`);
    byId.set(scenario.id, { scenario, file });
  }
  return [...byId.values()].map(({ scenario }) => scenario);
}

/** All cases of the suite, by folder and id. @throws CaseError */
export const loadCases = (fixtures: string = FIXTURES): Case[] => readCases(caseFiles(fixtures));

/** Reads a case whose file must be named after its id. @throws CaseError */
export function loadCase(path: string): Case {
  const scenario = readCase(path);
  if (basename(path) === `${scenario.id}.json`) return scenario;
  const problem = `the file of case ${scenario.id} must be named ${scenario.id}.json`;
  throw new CaseError(shown(path), "/id", problem);
}

/** Reads a case, whatever its file is called. @throws CaseError */
export function readCase(path: string): Case {
  const file = shown(path);
  try {
    return parseCase(readFileSync(path, "utf8"), file);
  } catch (error) {
    if (error instanceof CaseError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new CaseError(file, "", `cannot be read: ${code}`);
  }
}

/** A path as messages name it. */
const shown = (path: string): string => relative(process.cwd(), path);
