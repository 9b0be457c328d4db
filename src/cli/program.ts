import { VERSION } from "../version.ts";
import { Command, CommanderError } from "commander";
import { CaseError } from "../scenario/case-error.ts";
import { CompositionError } from "../reference/composition-error.ts";
import { printable } from "../report/printable.ts";
import { COMMANDS } from "./commands.ts";
import { EXIT } from "./exit-codes.ts";
import { withHint } from "./hint.ts";
import { refuseUnclearValues } from "./option-values.ts";
import { UsageError } from "./usage-error.ts";

/** Does what the arguments say and leaves how it went in `process.exitCode`. */
export async function runProgram(args: readonly string[]): Promise<void> {
  const program = new Command("kmc")
    .description('conformance suite for "KVM: x86/mmu: Remove fast invalidate mechanism"')
    .version(VERSION)
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => {
        write(
          sentence(
            text
              .trimEnd()
              .replaceAll("\n", " ")
              .replace(/^error: /, ""),
          ),
        );
      },
    })
    .showSuggestionAfterError();

  for (const [name, description, load] of COMMANDS) {
    const command = program.command(name).description(description);
    if (!args.includes(name)) continue;
    (await load()).add(command);
    refuseUnclearValues(command);
  }

  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    } else if (
      error instanceof UsageError ||
      error instanceof CaseError ||
      error instanceof CompositionError
    ) {
      process.stderr.write(sentence(withHint(error.message)));
      process.exitCode = EXIT.usage;
    } else {
      throw error;
    }
  }
}

/** Characters of a sentence; what somebody has given may be longer. */
const MOST = 1000;

/** What is wrong, in one line that somebody can read. */
function sentence(problem: string): string {
  const text = printable(problem);
  const cut = text.length <= MOST ? text : `${text.slice(0, MOST - 200)} … ${text.slice(-200)}`;
  return `kmc: ${cut}\n`;
}
