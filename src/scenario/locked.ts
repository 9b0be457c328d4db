import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Case } from "./case.generated.ts";
import { meaningOf } from "./meaning.ts";
import { PACKAGE_ROOT } from "./package-root.ts";

/** What every case of the suite means, by id (`npm run lock:cases`). */
export const LOCK_FILE = "fixtures/meanings.lock.json";

/** In the place of a meaning: the case is gone, and its id is never used again. */
export const RETIRED = "retired";

/** By id, the meaning of a case or `RETIRED`. */
export const lockedMeanings = (): Record<string, string> =>
  JSON.parse(readFileSync(join(PACKAGE_ROOT, LOCK_FILE), "utf8")) as Record<string, string>;

let locked: Readonly<Record<string, string>> | undefined;

/**
 * Whether a document is a case of the suite as it was when its meaning was locked. It was found valid
 * then: to compile the schema takes longer than most runs.
 */
export function isLocked(document: unknown): document is Case {
  const { id, title, why } = (document ?? {}) as Record<string, unknown>;
  if (typeof id !== "string" || typeof title !== "string" || typeof why !== "string") return false;
  locked ??= lockedMeanings();
  return Object.hasOwn(locked, id) && locked[id] === meaningOf(document as Case);
}
