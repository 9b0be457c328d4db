/**
 * Writes fixtures/smoke.json: the few cases that together kill every mutant. With --check only says
 * whether it is up to date.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { killsOf } from "../src/conformance/mutants.ts";
import { greedyCover, SMOKE_FILE } from "../src/conformance/smoke.ts";
import { mutants } from "../src/reference/mutants/index.ts";
import { loadCases } from "../src/scenario/load-cases.ts";

const cases = loadCases();
const cover = greedyCover(mutants.map((mutant) => killsOf(mutant, cases)));
const text = `${JSON.stringify(cover, null, 2)}\n`;

if (!process.argv.includes("--check")) {
  writeFileSync(SMOKE_FILE, text);
} else if (readFileSync(SMOKE_FILE, "utf8") !== text) {
  console.error(`${SMOKE_FILE} is not the cover of the mutants; run \`npm run lock:smoke\``);
  process.exitCode = 1;
}
