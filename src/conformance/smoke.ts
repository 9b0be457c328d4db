import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../scenario/package-root.ts";
import type { Kill } from "./mutants.ts";

/** The list that `npm run lock:smoke` keeps: ids of cases. */
export const SMOKE_FILE = "fixtures/smoke.json";

/** The ids of the smoke list. */
export const smokeIds = (): ReadonlySet<string> =>
  new Set(JSON.parse(readFileSync(join(PACKAGE_ROOT, SMOKE_FILE), "utf8")) as string[]);

/**
 * A small set of cases that together kill every mutant: always the case that kills most of those
 * that are left. Among equals the first one by id.
 */
export function greedyCover(kills: readonly Kill[]): string[] {
  const left = new Set(kills.filter(({ by, alsoBy }) => by.length + alsoBy.length > 0));
  const chosen: string[] = [];
  while (left.size > 0) {
    const counts = new Map<string, number>();
    for (const { by, alsoBy } of left) {
      for (const id of [...by, ...alsoBy]) counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    const [[best]] = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)) as [
      [string, number],
    ];
    chosen.push(best);
    for (const kill of left) {
      if (kill.by.includes(best) || kill.alsoBy.includes(best)) left.delete(kill);
    }
  }
  return chosen.sort();
}
