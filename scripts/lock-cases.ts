/**
 * Writes fixtures/meanings.lock.json: what every case means, by id. With --check only says whether
 * it is up to date. An id whose case is gone stays as "retired": it is never used again.
 */
import { writeFileSync } from "node:fs";
import { loadCases } from "../src/scenario/load-cases.ts";
import { LOCK_FILE, lockedMeanings, RETIRED } from "../src/scenario/locked.ts";
import { meaningOf } from "../src/scenario/meaning.ts";
import { validateCase } from "../src/scenario/validate.ts";

const locked = lockedMeanings();
// What is locked is not held against the schema when it is loaded.
const cases = loadCases().map((scenario) => validateCase(scenario, scenario.id));
const current = new Map(cases.map((scenario) => [scenario.id, meaningOf(scenario)]));

const problems: string[] = [];
for (const [id, meaning] of current) {
  if (locked[id] === RETIRED) problems.push(`${id} was retired; choose another id`);
  else if (locked[id] === undefined) problems.push(`${id} is new`);
  else if (locked[id] !== meaning) problems.push(`${id} means something else than before`);
}
for (const [id, meaning] of Object.entries(locked)) {
  if (meaning !== RETIRED && !current.has(id)) problems.push(`${id} is gone`);
}

if (process.argv.includes("--check")) {
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) {
    console.error("If that is meant, run `npm run lock:cases` and say why in the commit message.");
    process.exitCode = 1;
  }
} else {
  const reused = problems.find((problem) => problem.includes("was retired"));
  if (reused !== undefined) throw new Error(reused);
  const retired = Object.keys(locked).filter((id) => !current.has(id));
  const entries = [...current, ...retired.map((id) => [id, RETIRED] as const)];
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  writeFileSync(LOCK_FILE, `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`);
}
