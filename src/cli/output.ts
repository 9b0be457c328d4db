import { ensureWritable, writeWhole } from "./write-file.ts";

/** `--json [file]`: printed, or written to a file beside the text. */
export type JsonFlag = true | string;

/** Before the work, which would be in vain. @throws UsageError */
export function checkJsonFlag(json: JsonFlag | undefined): void {
  if (typeof json === "string") ensureWritable(json);
}

/** Prints a document if `--json` asks for it; else the lines, and writes the file that it names. */
export function output(json: JsonFlag | undefined, document: unknown, lines: readonly string[]) {
  if (json === true) {
    printJson(document);
    return;
  }
  if (json !== undefined) writeWhole(json, `${JSON.stringify(document, null, 2)}\n`);
  print(lines);
}

/** Prints lines, or with `--json` the document, and nothing else, to standard output. */
export function print(lines: readonly string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}

export function printJson(document: unknown): void {
  process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
}
