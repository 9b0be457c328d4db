import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { pc } from "../../report/colours.ts";
import { matrixLine } from "../../conformance/matrix.ts";
import { killsOf } from "../../conformance/mutants.ts";
import { mutants } from "../../reference/mutants/index.ts";
import { reportHtml } from "../../report/html.ts";
import { matrixText, wrongRowsText } from "../../report/matrix-text.ts";
import { mutantsText } from "../../report/mutants-text.ts";
import { withProgress } from "../../report/progress.ts";
import { isClean, type Report, reportJson } from "../../report/report.ts";
import { totals } from "../../report/run-report.ts";
import { failuresText, runText } from "../../report/run-text.ts";
import { staircaseText } from "../../report/staircase-text.ts";
import { labelled } from "../../report/table.ts";
import { loadCases } from "../../scenario/load-cases.ts";
import { EXIT } from "../exit-codes.ts";
import { print } from "../output.ts";
import { UsageError } from "../usage-error.ts";
import { writeWhole } from "../write-file.ts";
import { runOnOwnLayers } from "../run-on-reference.ts";

/** `kmc start`: everything on the reference: suites, matrix, mutants, report. */
export function add(command: Command): void {
  command

    .option("--out <dir>", "where the report goes", "report")
    .option("--full", "also how each suite and each case fared")
    .action(({ out, full = false }: { out: string; full?: boolean }) => {
      makeFolder(out);
      const cases = loadCases();
      const report: Report = {
        run: runOnOwnLayers(cases),
        lines: withProgress("matrix", cases, matrixLine),
        kills: withProgress("mutant", mutants, (mutant) => killsOf(mutant, cases)),
      };
      writeWhole(join(out, "report.json"), `${JSON.stringify(reportJson(report), null, 2)}\n`);
      writeWhole(join(out, "index.html"), reportHtml(report));
      const { run, lines, kills } = report;
      print([
        ...(full
          ? [
              pc.bold("Suites"),
              ...runText(run),
              "",
              pc.bold("Matrix: on which layers each case holds"),
              "",
              ...matrixText(lines),
              "",
            ]
          : [...failuresText(run.results), ...wrongRowsText(lines)]),
        ...labelled("", `${run.implementation.name} ${run.implementation.version}, ${run.claim}`),
        "",
        ...staircaseText(lines),
        "",
        totals(run.results),
        ...mutantsText(kills).slice(-1 - survivors(report)),
        `The report is in ${join(out, "index.html")} and ${join(out, "report.json")}.`,
      ]);
      process.exitCode = isClean(report) ? EXIT.ok : EXIT.fails;
    });
}

const survivors = ({ kills }: Report): number => kills.filter(({ by }) => by.length === 0).length;

/** Before the work: it would be in vain. @throws UsageError */
function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new UsageError(`the folder ${path} cannot be made: ${code}`);
  }
}
