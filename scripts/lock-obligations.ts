import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  checkObligation,
  loadObligation,
  OBLIGATION_FIGURES,
  obligationIds,
  WITNESSES,
} from "../src/explore/obligation.ts";
import { witnessCase } from "../src/explore/witness-case.ts";
import { figuresLine, figuresTable } from "../src/report/obligation-figures.ts";
import { PACKAGE_ROOT } from "../src/scenario/package-root.ts";

/**
 * Searches all obligations, writes their witnesses and the table of figures; with --witnesses, the
 * witnesses only.
 */
const [BEGIN, END] = ["<!-- figures -->", "<!-- end of figures -->"];

const witnessesOnly = process.argv.includes("--witnesses");
const rows: string[] = [];
rmSync(join(PACKAGE_ROOT, WITNESSES), { recursive: true, force: true });
mkdirSync(join(PACKAGE_ROOT, WITNESSES));
for (const id of obligationIds()) {
  const obligation = loadObligation(id);
  if (!witnessesOnly) {
    for (const checked of checkObligation(obligation)) rows.push(figuresLine(obligation, checked));
  }
  const witness = witnessCase(obligation);
  if (witness === null) continue;
  const file = join(PACKAGE_ROOT, WITNESSES, `${witness.id}.json`);
  writeFileSync(file, `${JSON.stringify(witness, null, 2)}\n`);
}
if (witnessesOnly) process.exit();
const page = join(PACKAGE_ROOT, OBLIGATION_FIGURES);
const text = readFileSync(page, "utf8");
const [before = ""] = text.split(BEGIN);
const [, after = ""] = text.split(END);
writeFileSync(
  page,
  [before, BEGIN, "\n\n", figuresTable(rows).join("\n"), "\n\n", END, after].join(""),
);
