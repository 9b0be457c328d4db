import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { LONG_TESTS, projects } from "./vitest.projects.ts";

/** Whether only tests of what has changed are to run. */
const isQuick = process.env["KMC_QUICK"] !== undefined;

/** Begins with what takes longest: a core that gets it last would go on alone. */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const found = LONG_TESTS.findIndex((name) => moduleId.endsWith(`/${name}`));
      return found < 0 ? LONG_TESTS.length : found;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  test: {
    projects: projects(isQuick ? LONG_TESTS : []),
    testTimeout: 120_000,
    // Files are long and independent: a core for each, where the default leaves one to the reporter.
    maxWorkers: "100%",
    sequence: { sequencer: LongFirst },
    coverage: {
      provider: "v8",
      // What is judged, and nothing else.
      include: ["src/reference/**/*.ts"],
      reporter: ["text-summary", "html"],
      // Lines that nothing reaches are explained where they stand.
      thresholds: { "src/reference/**": { lines: 98, branches: 95 } },
    },
  },
});
