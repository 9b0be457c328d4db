import type { Command } from "commander";
import { identify } from "../../conformance/identify.ts";
import { runAll } from "../../conformance/run-suites.ts";
import { identifyJson } from "../../report/identify-json.ts";
import { identifyText } from "../../report/identify-text.ts";
import { Progress } from "../../report/progress.ts";
import { loadCases } from "../../scenario/load-cases.ts";
import { EXIT } from "../exit-codes.ts";
import {
  addImplementationFlags,
  type ImplementationFlags,
  startImplementation,
} from "../implementation-options.ts";
import { untilInterrupted } from "../interrupt.ts";
import { checkJsonFlag, type JsonFlag, output } from "../output.ts";
import { UsageError } from "../usage-error.ts";

type Flags = ImplementationFlags & { readonly json?: JsonFlag };

/** `kmc identify`: which patches and errata an implementation behaves as having. */
export function add(command: Command): void {
  addImplementationFlags(
    command.option("--json [file]", "as JSON; prints it, or writes the file"),
  ).action(identifyImplementation);
}

export async function identifyImplementation(options: Flags): Promise<void> {
  checkJsonFlag(options.json);
  const underTest = await startImplementation(options);
  if (underTest === null) throw new UsageError("say what to identify: --impl or --module");
  const cases = loadCases();
  const progress = new Progress("case", cases.length);
  const { introduction } = underTest;
  const results = await untilInterrupted(underTest, (signal) =>
    runAll(underTest.workers, cases, signal, ({ scenario }) => {
      progress.step(scenario.id);
    }),
  );
  progress.end();
  const found = identify(results);
  output(options.json, identifyJson(introduction, found), identifyText(introduction, found));
  if (found.assessed === 0) process.exitCode = EXIT.inconclusive;
  else process.exitCode = found.divergences.length === 0 ? EXIT.ok : EXIT.fails;
}
