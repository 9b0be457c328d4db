/** Arrows run one way: cli → report, conformance → adapters → scenario → reference; and inside the reference. */

/** @param {string} name @param {string} comment @param {string} from @param {string} to */
const forbid = (name, comment, from, to) => ({
  name,
  comment,
  severity: "error",
  from: { path: from },
  to: { path: to },
});

const layers = Array.from({ length: 27 }, (_, i) => String(i + 1).padStart(2, "0"));

module.exports = {
  forbidden: [
    {
      name: "no-circular-values",
      comment: "modules may know each other's types, but must not load each other in a circle",
      severity: "error",
      from: {
        path: "^src/(reference/(machine|base|layers|errata|mutants)|scenario|explore|conformance|report|walkthrough|cli)",
      },
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "no-unused-modules",
      comment: "a module that no command, suite or script uses is to be deleted",
      severity: "error",
      from: { path: "^(src/cli/main|src/index|suites/|scripts/)" },
      to: {
        path: "^src",
        // The stepper is for the site alone.
        pathNot: "(^src/cli/main|^src/index|^src/stepper/.*|\\.generated)\\.ts$",
        reachable: false,
      },
    },
    {
      name: "reference-is-pure",
      comment: "the reference also runs in a browser: no Node API, no package",
      severity: "error",
      from: { path: "^src/reference" },
      to: { pathNot: "^src/reference" },
    },
    {
      name: "stepper-runs-in-a-browser",
      comment: "the stepper is part of a page: no Node API, however far away",
      severity: "error",
      from: { path: "^src/stepper" },
      to: { path: "^(node:)?(child_process|crypto|fs|module|os|path|url|zlib)$", reachable: true },
    },
    forbid(
      "scenario-below",
      "scenario knows the reference only",
      "^src/scenario",
      "^src/(adapters|conformance|explore|report|walkthrough|cli)",
    ),
    forbid(
      "adapters-below",
      "adapters know scenario and reference",
      "^src/adapters",
      "^src/(conformance|explore|report|walkthrough|cli)",
    ),
    forbid(
      "explore-below",
      "the explorer knows adapters and what is below",
      "^src/explore",
      "^src/(conformance|report|walkthrough|cli)",
    ),
    forbid(
      "conformance-below",
      "conformance knows adapters and what is below",
      "^src/conformance",
      "^src/(report|walkthrough|cli)",
    ),
    forbid(
      "report-below",
      "report knows conformance and what is below",
      "^src/report",
      "^src/(walkthrough|cli)",
    ),
    forbid("walkthrough-below", "walkthroughs know reports", "^src/walkthrough", "^src/cli"),
    forbid(
      "machine-first",
      "the machine is what no patch changes",
      "^src/reference/machine",
      "^src/reference/(base|layers|errata|mutants|kernel)",
    ),
    forbid(
      "kernel-below-layers",
      "kernel functions that no patch changes know no layer",
      "^src/reference/kernel",
      "^src/reference/(base|layers|errata|mutants)",
    ),
    forbid(
      "base-below-layers",
      "the base is what stood before patch 01",
      "^src/reference/base",
      "^src/reference/(layers|errata|mutants)",
    ),
    forbid(
      "layers-below-errata",
      "errata compose on top of layers",
      "^src/reference/layers",
      "^src/reference/(errata|mutants)",
    ),
    ...layers.map((layer) =>
      forbid(
        `layer-${layer}-imports-no-later-one`,
        "a patch knows nothing of the patches after it",
        `^src/reference/layers/${layer}-`,
        `^src/reference/layers/(${layers.filter((other) => other > layer).join("|") || "none"})-`,
      ),
    ),
  ],
  options: {
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: "specify",
    doNotFollow: { path: "node_modules" },
    exclude: { path: "node_modules" },
  },
};
