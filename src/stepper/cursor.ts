import type { Row } from "./row.ts";
import type { View } from "./view.ts";

/**
 * The entry that a move has changed, by the key of its row: the one of the lowest level, on the
 * first side that has one; null if no entry is new or other than before.
 */
export function changedEntry(now: readonly View[], before: readonly View[]): string | null {
  for (const [side, { panels }] of now.entries()) {
    const known = new Map(before[side]!.panels.tree.map(({ key, entry }) => [key, entry?.raw]));
    const changed = panels.tree
      .filter(({ key, entry }) => entry !== null && known.get(key) !== entry.raw)
      .sort((a, b) => levelOf(a) - levelOf(b));
    if (changed[0] !== undefined) return changed[0].key;
  }
  return null;
}

const levelOf = ({ entry }: Row): number => entry?.level ?? 0;
