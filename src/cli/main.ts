import { Command, CommanderError } from "commander";
import { CaseError } from "../scenario/case-error.ts";
import { CompositionError } from "../reference/compose.ts";
import { addDiff } from "./commands/diff.ts";
import { addDocument } from "./commands/document.ts";
import { addList } from "./commands/list.ts";
import { addMatrix } from "./commands/matrix.ts";
import { addMutants } from "./commands/mutants.ts";
import { addRun } from "./commands/run.ts";
import { addShow } from "./commands/show.ts";
import { addSource } from "./commands/source.ts";
import { addStart } from "./commands/start.ts";
import { EXIT } from "./exit-codes.ts";
import { UsageError } from "./usage-error.ts";

const program = new Command("kmc")
  .description('conformance suite for "KVM: x86/mmu: Remove fast invalidate mechanism"')
  .version("0.1.0")
  .exitOverride()
  .configureOutput({
    outputError: (text, write) => {
      write(text.replace(/^error: /, "kmc: "));
    },
  })
  .showSuggestionAfterError();

addStart(program);
addRun(program);
addMatrix(program);
addMutants(program);
addList(program);
addShow(program);
addSource(program);
addDiff(program);
addDocument(program);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  } else if (
    error instanceof UsageError ||
    error instanceof CaseError ||
    error instanceof CompositionError
  ) {
    process.stderr.write(`kmc: ${error.message}\n`);
    process.exitCode = EXIT.usage;
  } else {
    throw error;
  }
}
