import { mkdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { UsageError } from "./usage-error.ts";

/** Writes a file as a whole: never leaves half of one behind. @throws UsageError */
export function writeWhole(path: string, text: string): void {
  attempt(path, () => {
    writeFileSync(`${path}.tmp`, text);
    renameSync(`${path}.tmp`, path);
  });
}

/** Before the work, which would be in vain: makes the folder and tries. @throws UsageError */
export function ensureWritable(path: string): void {
  attempt(path, () => {
    const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
    if (isFolder) throw Object.assign(new Error(), { code: "EISDIR" });
    writeFileSync(`${path}.tmp`, "");
    rmSync(`${path}.tmp`);
  });
}

function attempt(path: string, write: () => void): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    write();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new UsageError(`${path} cannot be written: ${code}`);
  }
}
