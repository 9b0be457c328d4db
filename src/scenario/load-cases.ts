import { readdirSync, readFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import type { Case } from "./case.generated.ts";
import { CaseError } from "./case-error.ts";
import { PACKAGE_ROOT } from "./package-root.ts";
import { parseCase } from "./parse-case.ts";

/** Folders under `fixtures/` that hold cases: one for each patch, and `00-every-layer`. */
const CASE_FOLDER = /^\d\d-/;

/** Reads one case; its file is named after its id. @throws CaseError */
export function loadCase(path: string): Case {
  const file = relative(process.cwd(), path);
  const scenario = parseCase(read(path, file), file);
  if (basename(path) !== `${scenario.id}.json`) {
    const problem = `the file of case ${scenario.id} must be named ${scenario.id}.json`;
    throw new CaseError(file, "/id", problem);
  }
  return scenario;
}

function read(path: string, file: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new CaseError(file, "", `cannot be read: ${code}`);
  }
}

/** All cases of the suite, by folder and id. @throws CaseError */
export function loadCases(fixtures: string = join(PACKAGE_ROOT, "fixtures")): Case[] {
  const folders = readdirSync(fixtures).filter((name) => CASE_FOLDER.test(name));
  const files = folders.sort().flatMap((folder) => filesIn(join(fixtures, folder)));
  const byId = new Map<string, { readonly scenario: Case; readonly file: string }>();
  for (const path of files) {
    const scenario = loadCase(path);
    const file = relative(process.cwd(), path);
    checkFolder(scenario, path, file);
    const other = byId.get(scenario.id);
    if (other !== undefined) throw new CaseError(file, "/id", `is the id of ${other.file}, too`);
    byId.set(scenario.id, { scenario, file });
  }
  return [...byId.values()].map(({ scenario }) => scenario);
}

function filesIn(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return names.sort().map((name) => join(folder, name));
}

function checkFolder({ patch }: Case, path: string, file: string): void {
  const owner = Number(basename(join(path, "..")).slice(0, 2));
  if (patch === owner) return;
  throw new CaseError(file, "/patch", `is ${patch}, but the folder is that of patch ${owner}`);
}
