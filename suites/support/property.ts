import fc from "fast-check";

/**
 * Runs a property with a fixed seed; KMC_SEED asks for another one, KMC_RUNS for more runs. A
 * failure prints the seed and the shrunk case.
 */
export function check<T>(
  arbitrary: fc.Arbitrary<T>,
  runs: number,
  holds: (value: T) => void,
): void {
  const { KMC_SEED: seed, KMC_RUNS: more } = process.env;
  fc.assert(fc.property(arbitrary, holds), {
    seed: seed === undefined ? 20190205 : Number(seed),
    numRuns: more === undefined ? runs : Number(more),
    includeErrorInReport: true,
  });
}
