import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: { name: "unit", include: ["test/**/*.test.ts"], exclude: ["test/browser/**"] },
      },
      {
        extends: true,
        test: { name: "suites", include: ["suites/**/*.test.ts"] },
      },
      {
        extends: true,
        test: {
          name: "browser",
          include: ["test/browser/**/*.test.ts"],
          globalSetup: "test/support/site-setup.ts",
        },
      },
    ],
    testTimeout: 120_000,
    // Files are long and independent: a core for each, where the default leaves one to the reporter.
    maxWorkers: "100%",
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      exclude: ["src/**/*.generated.ts"],
      reporter: ["text-summary", "json-summary", "html"],
      // Lines that nothing reaches are explained where they stand.
      thresholds: { "src/reference/**": { lines: 98, branches: 95 } },
    },
  },
});
