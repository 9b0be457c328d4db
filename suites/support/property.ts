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
  fc.assert(fc.property(arbitrary, holds), parameters<[T]>(runs));
}

/** The same, of something that takes time. */
export async function checkAsync<T>(
  arbitrary: fc.Arbitrary<T>,
  runs: number,
  holds: (value: T) => Promise<void>,
): Promise<void> {
  await fc.assert(fc.asyncProperty(arbitrary, holds), parameters<[T]>(runs));
}

function parameters<T>(runs: number): fc.Parameters<T> {
  const { KMC_SEED: seed, KMC_RUNS: more } = process.env;
  return {
    seed: seed === undefined ? 20190205 : Number(seed),
    numRuns: more === undefined ? runs : Number(more),
    includeErrorInReport: true,
  };
}
