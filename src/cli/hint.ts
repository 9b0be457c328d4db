import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { PACKAGE_ROOT } from "../scenario/package-root.ts";

/** A file that the pages name from the folder of the package, in a sentence that it is not there. */
const NOT_THERE = /((?:examples|fixtures)\/\S+?):? cannot be (?:read|loaded): ENOENT/;

/** Whoever has the package installed tries what its pages show: they are told where that is. */
export function withHint(message: string): string {
  const path = NOT_THERE.exec(message)?.[1];
  const file = path === undefined ? "" : join(PACKAGE_ROOT, path);
  if (path === undefined || existsSync(path) || !existsSync(file)) return message;
  return `${message}; the package has it: ${relative(process.cwd(), file)}`;
}
