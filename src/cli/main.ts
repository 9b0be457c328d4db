import { runProgram } from "./program.ts";

// Whoever reads may have seen enough: `kmc list | head -1`.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

await runProgram(process.argv.slice(2));
