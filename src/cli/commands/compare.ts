import type { Command } from "commander";
import { compareRuns } from "../../report/compare.ts";
import { compareJson } from "../../report/compare-json.ts";
import { compareText } from "../../report/compare-text.ts";
import { DocumentError, readRun } from "../../report/read-run.ts";
import type { RunDocument } from "../../report/run-json.ts";
import { EXIT } from "../exit-codes.ts";
import { print, printJson } from "../output.ts";
import { readText } from "../read-text.ts";
import { UsageError } from "../usage-error.ts";

/** `kmc compare A B`: what is different between two runs. */
export function add(command: Command): void {
  command
    .argument("<before>", "a run, written by `kmc run --json FILE`")
    .argument("<after>", "another one")

    .option("--json", "as JSON")
    .action((before: string, after: string, options: { json?: boolean }) => {
      const comparison = compareRuns(read(before), read(after));
      if (options.json === true) printJson(compareJson(comparison));
      else print(compareText(comparison));
      if (comparison.common === 0) process.exitCode = EXIT.inconclusive;
      else process.exitCode = comparison.worse.length === 0 ? EXIT.ok : EXIT.fails;
    });
}

function read(file: string): RunDocument {
  try {
    return readRun(readText(file), file);
  } catch (error) {
    if (error instanceof DocumentError) throw new UsageError(error.message);
    throw error;
  }
}
