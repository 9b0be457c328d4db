/** Files with tests that take long, the longest first: they begin first, and a quick check leaves them out. */
export const LONG_TESTS = [
  "test/adapters/kernel/wrap.test.ts",
  "test/adapters/kernel/machine.test.ts",
  "test/adapters/kernel/hangs.test.ts",
  "test/adapters/kernel/debian.test.ts",
  "test/browser/pages.test.ts",
  "test/explore/obligations.test.ts",
  "suites/00-every-layer/random.test.ts",
  "suites/00-every-layer/identify.test.ts",
  "test/browser/stepper.test.ts",
  "suites/00-every-layer/interleavings.test.ts",
  "test/explore/search.test.ts",
  "test/examples/shards.test.ts",
  "test/explore/witness-replay.test.ts",
  "suites/recordings/recordings.test.ts",
  "test/cli/deviations.test.ts",
  "test/reference/generations.test.ts",
];
