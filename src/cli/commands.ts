import type { Command } from "commander";

/** A module in `commands/`: gives its command arguments, options and what it does. */
interface CommandModule {
  readonly add: (command: Command) => void;
}

/** The commands: only the one that is called is loaded. */
export const COMMANDS: readonly (readonly [
  name: string,
  description: string,
  load: () => Promise<CommandModule>,
])[] = [
  [
    "start",
    "runs everything on the reference, prints the matrix and writes the report",
    () => import("./commands/start.ts"),
  ],
  [
    "run",
    "runs the suites on an implementation, or else on the reference",
    () => import("./commands/run.ts"),
  ],
  [
    "identify",
    "which of the patches and errata an implementation behaves as having",
    () => import("./commands/identify.ts"),
  ],
  [
    "explore",
    "tries all orders of the threads of a scenario, and proves what none of them can reach",
    () => import("./commands/explore.ts"),
  ],
  [
    "doctor",
    "checks how an implementation speaks the protocol; without one, shows a conversation",
    () => import("./commands/doctor.ts"),
  ],
  [
    "matrix",
    "on which layers each case holds, and whether that is as it declares",
    () => import("./commands/matrix.ts"),
  ],
  [
    "mutants",
    "which cases reject which known-bad variant of a patch",
    () => import("./commands/mutants.ts"),
  ],
  ["list", "the cases, by patch", () => import("./commands/list.ts")],
  [
    "show",
    "a case: what it does and expects, where it holds, and what happens inside",
    () => import("./commands/show.ts"),
  ],
  [
    "source",
    "what the series touches, as one layer has it, in one flat listing",
    () => import("./commands/source.ts"),
  ],
  [
    "diff",
    "which functions change between two layers, with their text",
    () => import("./commands/diff.ts"),
  ],
  [
    "explain",
    "what a patch or an erratum is about, with its decisive case before and after",
    () => import("./commands/explain.ts"),
  ],
  [
    "compare",
    "which cases went otherwise in a later run than in an earlier one",
    () => import("./commands/compare.ts"),
  ],
  [
    "replay",
    "judges a transcript again, without the implementation",
    () => import("./commands/replay.ts"),
  ],
  [
    "trace",
    "compares recordings of a real kernel with the reference, event for event",
    () => import("./commands/trace.ts"),
  ],
  [
    "kernel",
    "boots a Linux kernel and tests its KVM, or finds out what it is",
    () => import("./commands/kernel.ts"),
  ],
  [
    "serve",
    "the reference as an implementation under test: speaks the protocol on stdio",
    () => import("./commands/serve.ts"),
  ],
  [
    "document",
    "whether a kernel tree's MMU document is as patch 12 leaves it",
    () => import("./commands/document.ts"),
  ],
];
