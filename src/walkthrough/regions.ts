import type { JudgedRow, MatrixLine } from "../conformance/matrix.ts";
import type { Kill } from "../conformance/mutants.ts";
import type { ErratumId } from "../reference/patch.ts";
import { patchFile } from "../report/source-text.ts";
import type { Case } from "../scenario/case.generated.ts";
import { slugOf } from "../scenario/suites.ts";
import { factsOf, fateLines } from "./releases.ts";
import { code, escaped, link, table } from "./markdown.ts";
import { errataOf, killsOn, linesOf, type Run, type Story } from "./story.ts";
import { timelineHtml } from "./timeline-html.ts";

/** The parts of a page that are computed. */
export const REGIONS = ["head", "timeline", "cases", "mutants", "recordings", "fate"] as const;
export type Region = (typeof REGIONS)[number];

/** The computed parts that the page of a topic must have. */
export const neededRegions = ({ id, recordings }: Story): Region[] =>
  REGIONS.filter(
    (region) =>
      (region !== "mutants" || typeof id === "number") &&
      (region !== "recordings" || recordings.length > 0) &&
      (region !== "fate" || factsOf(id).length > 0),
  );

/** The lines of a computed part. @param all all cases, with their rows */
export function regionOf(region: Region, story: Story, all: readonly MatrixLine[]): string[] {
  const cases = all.map(({ scenario }) => scenario);
  switch (region) {
    case "head":
      return headLines(story, cases);
    case "timeline":
      return [...runLines(story), "", ...timelineHtml(story)];
    case "cases":
      return casesTable(linesOf(story.id, all));
    case "mutants":
      return mutantsTable(killsOn(story.id, cases));
    case "recordings":
      return recordingLines(story);
    case "fate":
      return fateLines(story.id);
  }
}

/** Kinds, neighbours and sources, in one paragraph. */
function headLines(
  { id, kinds, commit, requires, decisive }: Story,
  cases: readonly Case[],
): string[] {
  const needs = Object.keys(requires).map((number) => patchLink(Number(number)));
  const own = typeof id === "number" ? errataOf(id, cases) : [];
  const suite = slugOf(typeof id === "number" ? id : decisive.patch);
  const parts = [
    kinds.join(", "),
    ...(needs.length === 0 ? [] : [`needs ${needs.join(", ")}`]),
    ...(own.length === 0 ? [] : [`errata ${own.map(erratumLink).join(", ")}`]),
    ...(commit === null ? [] : [`commit ${code(commit.slice(0, 12))}`]),
    link("source", `../../${patchFile(id)}`),
    link("suite", `../../suites/${suite}`),
  ];
  return [parts.join(" · ")];
}

const patchLink = (number: number): string =>
  link(String(number).padStart(2, "0"), `../patches/${slugOf(number)}.md`);

const erratumLink = (id: ErratumId): string => link(id, `../errata/${id}.md`);

/** The case, how it goes on both sides, and what one of them does not do. */
function runLines({ decisive, before, after }: Story): string[] {
  const lines = [
    `${caseLink(decisive)}: ${escaped(decisive.title)}.`,
    "",
    ...[before, after].map(runLine),
  ];
  const missed = [...before.violations, ...after.violations].slice(0, 3);
  return [
    ...lines,
    "",
    ...missed.map(
      ({ pointer, expected, seen }) =>
        `- at ${code(pointer)} the case expects ${code(expected)}; seen: ${code(seen)}`,
    ),
  ];
}

const runLine = ({ name, violations }: Run): string =>
  `- ${name}: ${violations.length === 0 ? "**holds**" : "**fails**"}`;

const caseLink = ({ id, patch }: Case): string =>
  link(code(id), `../../fixtures/${slugOf(patch)}/${id}.json`);

/** A line for each row; `#` holds, `·` does not, from layer 0 to layer 27. */
function casesTable(lines: readonly MatrixLine[]): string[] {
  const rows = lines.flatMap(({ scenario, rows: own }) =>
    merged(own).map(({ under, seen }, i) => [
      i === 0 ? `${caseLink(scenario)}<br>${escaped(scenario.title)}` : "",
      under,
      code(seen.map((holds) => (holds ? "#" : "·")).join("")),
    ]),
  );
  return table(["case", "under", "layers 0 to 27"], rows);
}

/** One row for both profiles where they are alike. */
function merged(rows: readonly JudgedRow[]): readonly JudgedRow[] {
  const [first, second] = rows;
  if (first === undefined || second === undefined) return rows;
  return String(first.seen) === String(second.seen) ? [{ ...first, under: "both" }] : rows;
}

/** So many cases are named of those that reject a mutant. */
const NAMED = 2;

function mutantsTable(kills: readonly Kill[]): string[] {
  const rows = kills.map(({ mutant, by, alsoBy }) => {
    const all = [...by, ...alsoBy];
    const rest = all.length - NAMED;
    return [
      code(mutant.id),
      escaped(mutant.title),
      [...all.slice(0, NAMED).map(code), ...(rest > 0 ? [`and ${rest} more`] : [])].join("<br>"),
    ];
  });
  return table(["mutant", "what is wrong", "rejected by"], rows);
}

function recordingLines({ recordings }: Story): string[] {
  return recordings.flatMap(({ of, command, lines }, i) => {
    const file = `../../fixtures/recordings/${of}.trace.gz`;
    const [folder = ""] = of.split("/");
    const kernel = folder === "releases" ? "A release" : `Layer ${Number(folder)}`;
    return [
      ...(i === 0 ? [] : [""]),
      `${kernel}, ${link(of, file)}, during ${code(command)}:`,
      "",
      "```text",
      ...lines,
      "```",
    ];
  });
}

const BEGIN = /^<!-- generated: ([\w-]+) -->$/;
const END = "<!-- end -->";

/**
 * A page with its computed parts as they are now.
 * @param lines gives the lines of a part
 * @param names of the parts that there are
 * @throws Error if a part has no end, or is none
 */
export function withRegions<Name extends string = Region>(
  text: string,
  lines: (region: Name) => readonly string[],
  names: readonly Name[] = REGIONS as readonly string[] as readonly Name[],
): string {
  const result: string[] = [];
  let open: Name | null = null;
  for (const line of text.split("\n")) {
    const name = BEGIN.exec(line)?.[1];
    if (name !== undefined) {
      if (open !== null) throw new Error(`the part "${open}" has no end`);
      const region = names.find((each) => each === name);
      if (region === undefined) {
        throw new Error(`there is no part "${name}"; expected one of ${names.join(", ")}`);
      }
      open = region;
      result.push(line, "", ...lines(open), "");
    }
    if (line === END) open = null;
    if (open === null) result.push(line);
  }
  if (open !== null) throw new Error(`the part "${open}" has no end`);
  return result.join("\n");
}

/** The names of the computed parts of a page. */
export const regionsIn = (text: string): string[] =>
  text.split("\n").flatMap((line) => BEGIN.exec(line)?.[1] ?? []);
