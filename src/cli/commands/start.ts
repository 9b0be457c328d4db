import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { pc } from "../../report/colours.ts";
import { matrixLine } from "../../conformance/matrix.ts";
import { killsOf } from "../../conformance/mutants.ts";
import { mutants } from "../../reference/mutants/index.ts";
import { reportHtml } from "../../report/html.ts";
import { matrixText } from "../../report/matrix-text.ts";
import { mutantsText } from "../../report/mutants-text.ts";
import { withProgress } from "../../report/progress.ts";
import { isClean, type Report, reportJson } from "../../report/report.ts";
import { runText } from "../../report/run-text.ts";
import { loadCases } from "../../scenario/load-cases.ts";
import { EXIT } from "../exit-codes.ts";
import { print } from "../output.ts";
import { runOnReference } from "./run.ts";

const CLAIM = "each suite on the layer of its own patch";

/** `kmc start`: everything on the reference: suites, matrix, mutants, report. */
export function addStart(program: Command): void {
  program
    .command("start")
    .description("runs everything on the reference, prints the matrix and writes the report")
    .option("--out <dir>", "where the report goes", "report")
    .action(async ({ out }: { out: string }) => {
      const cases = loadCases();
      const report: Report = {
        results: await runOnReference(cases, null, false),
        lines: withProgress("matrix", cases, matrixLine),
        kills: withProgress("mutant", mutants, (mutant) => killsOf(mutant, cases)),
      };
      mkdirSync(out, { recursive: true });
      writeWhole(
        join(out, "report.json"),
        `${JSON.stringify(reportJson(report, CLAIM), null, 2)}\n`,
      );
      writeWhole(join(out, "index.html"), reportHtml(report, CLAIM));
      print([
        pc.bold("Suites, each on the layer of its own patch"),
        "",
        ...runText(report.results),
        "",
        pc.bold("Mutants: known-bad variants of each patch"),
        ...mutantsText(report.kills).slice(-1 - survivors(report)),
        "",
        pc.bold("Matrix: on which layers each case holds"),
        "",
        ...matrixText(report.lines),
        "",
        `The report is in ${join(out, "index.html")} and ${join(out, "report.json")}.`,
      ]);
      process.exitCode = isClean(report) ? EXIT.ok : EXIT.fails;
    });
}

const survivors = ({ kills }: Report): number => kills.filter(({ by }) => by.length === 0).length;

/** Never leaves half a file behind. */
function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.tmp`, text);
  renameSync(`${path}.tmp`, path);
}
