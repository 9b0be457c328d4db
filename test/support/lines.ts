import { stripVTControlCharacters } from "node:util";
import { expect } from "vitest";

/** Lines of terminal output without their colours. */
export const plain = (lines: readonly string[]): string[] => lines.map(stripVTControlCharacters);

/** Expects that no line is longer than a terminal of ours, in characters. */
export function expectNarrow(lines: readonly string[]): void {
  expect(plain(lines).filter((line) => line.length > 100)).toEqual([]);
}
