/**
 * Timing of whole runs. Numbers are of this machine and this moment: compare ratios, not seconds.
 */

export interface Measured {
  /** Median of the runs, in milliseconds. */
  readonly median: number;
  readonly fastest: number;
  readonly slowest: number;
}

/** Runs something several times and takes the median. `prepare` is not timed. */
export function measure<T>(runs: number, prepare: () => T, run: (prepared: T) => void): Measured {
  const times: number[] = [];
  for (let i = 0; i < runs; i++) {
    const prepared = prepare();
    const started = performance.now();
    run(prepared);
    times.push(performance.now() - started);
  }
  times.sort((a, b) => a - b);
  return {
    median: times[Math.floor(times.length / 2)]!,
    fastest: times[0]!,
    slowest: times.at(-1)!,
  };
}

export const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(2)} s`;

/** Prints rows in columns: the first to the left, the others to the right. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((cell, i) =>
    Math.max(cell.length, ...rows.map((row) => row[i]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join("  ");
  console.log([head, ...rows].map(line).join("\n"));
  console.log("");
}
