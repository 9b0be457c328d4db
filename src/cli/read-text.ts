import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { isGzip } from "../adapters/recording/recording.ts";
import { UsageError } from "./usage-error.ts";

/**
 * The text of a file that the user names, unpacked if it was compressed by gzip; `-` is standard
 * input. @throws UsageError
 */
export function readText(file: string): string {
  const name = file === "-" ? "standard input" : file;
  try {
    const bytes = readFileSync(file === "-" ? 0 : file);
    return (isGzip(bytes) ? gunzipSync(bytes) : bytes).toString("utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code?.startsWith("Z_") === true) {
      throw new UsageError(`${name} cannot be unpacked: ${message}`);
    }
    throw new UsageError(`${name} cannot be read: ${code ?? message}`);
  }
}
