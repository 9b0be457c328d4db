import { availableParallelism } from "node:os";
import type { Implementation } from "../src/adapters/implementation.ts";
import type { Introduction } from "../src/adapters/protocol/messages.ts";
import { Session } from "../src/adapters/protocol/session.ts";
import type { CaseRecord } from "../src/adapters/record.ts";
import { type Finding, identify } from "../src/conformance/identify.ts";
import type { CaseResult } from "../src/conformance/run-cases.ts";
import { runAll } from "../src/conformance/run-suites.ts";
import { GAPS } from "../src/reference/errata/index.ts";
import { patches } from "../src/reference/layers/index.ts";
import type { Case } from "../src/scenario/case.generated.ts";
import { loadCases } from "../src/scenario/load-cases.ts";
import { slugOf } from "../src/scenario/suites.ts";
import { code, link } from "../src/walkthrough/markdown.ts";

/** What Debian's kernel did in every case that a live kernel can be asked. */
export interface DebianRun {
  readonly introduction: Introduction;
  readonly results: readonly CaseResult[];
  /** An implementation that does the same again, from memory. */
  readonly again: Implementation;
}

/** Boots Debian's kernel, one for each core, and plays all cases. */
export async function playOnDebian(): Promise<DebianRun> {
  const command = `${process.execPath} bin/kmc.js kernel --serve`;
  const options = { startTimeout: 240_000, stepTimeout: 60_000, caseTimeout: 300_000 };
  // The first one downloads and builds what the others find in the cache.
  const first = await Session.start(command, options);
  const more = Array.from({ length: availableParallelism() - 1 }, () =>
    Session.start(command, options),
  );
  const sessions = [first, ...(await Promise.all(more))];
  const records = new Map<string, CaseRecord>();
  const remembering = sessions.map((session): Implementation => ({
    name: session.name,
    offers: (capability) => session.offers(capability),
    record: async (scenario) => {
      const record = await session.record(scenario);
      records.set(scenario.id, record);
      return record;
    },
  }));
  try {
    const results = await runAll(remembering, loadCases());
    const { introduction, name } = first;
    const offers = (capability: string): boolean => first.offers(capability);
    const record = ({ id }: Case): CaseRecord => records.get(id)!;
    return { introduction, results, again: { name, offers, record } };
  } finally {
    await Promise.all(sessions.map((session) => session.close()));
  }
}

/** docs/debian-6.1.md, as a run shows it. */
export function debianPage({ introduction, results }: DebianRun): string {
  const { findings, assessed, divergences } = identify(results);
  const release = introduction.version.split(".").slice(0, 2).join(".");
  const rows = patches.map(({ number, title }) => {
    const finding = findings.find(({ part }) => part === number)!;
    const cells = [String(number).padStart(2, "0"), title, stateOf(finding), evidenceOf(finding)];
    return `| ${cells.join(" | ")} |`;
  });
  const errata = findings.filter(({ part }) => typeof part === "string");
  return `# What Debian's ${release} has

Written by \`npm run lock:debian\` from a live run of \`npx kmc kernel\` on Debian 12's kernel, Linux ${release}, with the
legacy MMU, under nested and shadow paging; checked by the tests. ${assessed} cases were assessed.

All 27 patches were merged in v5.1. What is not there now was _undone later_: patch 11 before v5.3,
which has a fast invalidate again, and most of what builds on it by v5.4 ([what became of the
series](series.md#what-became-of-the-series)). _Not assessed_ is what no case that a live kernel can be asked tells. A patch that others need is vouched for by them.

| patch | subject | Debian's ${release} | evidence |
| ----- | ------- | ------------------- | -------- |
${rows.join("\n")}

Of the errata:

${errata.map((finding) => `- **${finding.part}** ${erratumText(finding)}`).join("\n")}

${divergenceText(divergences)}

\`--deviations v6.1\` claims what is there, and every assessed case of that claim conforms or deviates as it says.
`;
}

/** The case, as a link from the page to its file. */
function linkTo(id: string): string {
  const { patch } = loadCases().find((scenario) => scenario.id === id)!;
  return link(code(id), `../fixtures/${slugOf(patch)}/${id}.json`);
}

const stateOf = ({ state }: Finding): string =>
  ({ present: "has it", absent: "undone later", undetermined: "not assessed" })[state];

/** How many of the capabilities that are missing are told. */
const TOLD = 3;

function evidenceOf(finding: Finding): string {
  if (finding.state !== "undetermined") return finding.by.map(linkTo).join(", ");
  const { missing } = finding;
  if (missing.length === 0) return "no case can tell";
  const more = missing.length > TOLD ? " and more" : "";
  return `needs ${missing.slice(0, TOLD).join(", ")}${more}`;
}

function erratumText(finding: Finding): string {
  if (finding.state === "undetermined") return "not assessed";
  const { part, state } = finding;
  const isGap = GAPS.some((id) => id === part);
  const there = isGap ? "mended" : "there";
  const gone = isGap ? "open" : "not there";
  return `${state === "present" ? there : gone}: ${finding.by.map(linkTo).join(", ")}`;
}

function divergenceText(divergences: readonly CaseResult[]): string {
  if (divergences.length === 0) return "A set of patches explains all of it.";
  const cases = divergences.map(({ scenario: { id, title } }) => `- ${linkTo(id)}: ${title}`);
  return `No set of patches does all that it does. What the nearest does not explain:\n\n${cases.join("\n")}`;
}
