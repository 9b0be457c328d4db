import { printable } from "../report/printable.ts";
import { EXIT } from "./exit-codes.ts";
import { runProgram } from "./program.ts";

/** Says what is wrong, in one line, and ends. */
function end(problem: string, code: number): never {
  process.stderr.write(`kmc: ${printable(problem)}\n`);
  process.exit(code);
}

process.stdout.on("error", ({ code = "" }: NodeJS.ErrnoException) => {
  // Whoever reads may have seen enough: `kmc list | head -1`.
  if (code !== "EPIPE") end(`standard output cannot be written: ${code}`, EXIT.usage);
});

// Exit code 1 would say that something does not conform.
process.on("uncaughtException", (error: unknown) => {
  const { message, stack = "" } = error instanceof Error ? error : new Error(String(error));
  const [, where = ""] = /\n\s+at (.*)/.exec(stack) ?? [];
  end(`this is a fault of kmc itself: ${message}, at ${where}`, EXIT.inconclusive);
});

await runProgram(process.argv.slice(2));
