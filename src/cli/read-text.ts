import { readFileSync } from "node:fs";
import { UsageError } from "./usage-error.ts";

/** The text of a file that the user names. @throws UsageError */
export function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new UsageError(`${file} cannot be read: ${code}`);
  }
}
