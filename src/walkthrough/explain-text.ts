import { pc } from "../report/colours.ts";
import { plural, wrap } from "../report/table.ts";
import { QUESTIONS, type Summary, type Written } from "./page.ts";
import { type Layout, timelineLines } from "./side-by-side.ts";
import type { Run, Story } from "./story.ts";

/** A patch or an erratum told in a terminal: three answers, then its decisive case on both sides. */
export function explainText(story: Story, { summary, before }: Written, layout: Layout): string[] {
  const { width } = layout;
  return [
    ...wrap(titleText(story), width).map(pc.bold),
    ...wrap(headText(story), width).map(pc.dim),
    ...answers(summary, width),
    "",
    ...before.flatMap((paragraph) => [...wrap(plain(paragraph), width), ""]),
    pc.bold(story.decisive.id),
    ...wrap(story.decisive.title, width),
    ...wrap(runsText(story), width),
    "",
    ...timelineLines(story.timeline, layout),
    "",
    ...wrap(changesText(story), width),
    ...wrap(furtherText(story), width),
  ];
}

export const titleText = ({ id, title }: Story): string =>
  typeof id === "number" ? `Patch ${id}: ${title}` : `Erratum ${id}: ${title}`;

/** Kinds, the patches it needs, its commit. */
export function headText({ kinds, commit, requires }: Story): string {
  const needs = Object.keys(requires).map((number) => number.padStart(2, "0"));
  return [
    kinds.join(", "),
    ...(needs.length === 0 ? [] : [`needs ${needs.join(", ")}`]),
    ...(commit === null ? [] : [`commit ${commit.slice(0, 12)}`]),
  ].join("; ");
}

function answers(summary: Summary, width: number): string[] {
  return (Object.keys(QUESTIONS) as (keyof Summary)[]).flatMap((part) => [
    "",
    pc.bold(QUESTIONS[part]),
    ...wrap(plain(summary[part]), width),
  ]);
}

/** `Left: layer 10, which fails. Right: layer 11, which does what the case expects.` */
function runsText({ before, after }: Story): string {
  return `Left (-) ${runText(before)}; right (+) ${runText(after)}.`;
}

export const runText = ({ name, violations }: Run): string =>
  `${name}: the case ${violations.length === 0 ? "holds" : "fails"}`;

export function changesText({ changes, moved }: Story): string {
  const names = [...changes.map(({ name }) => name), ...moved];
  return `${plural(names.length, "function")} ${moved.length > 0 ? "moved" : "changed"}: ${names.join(", ")}`;
}

/** Where there is more of it. */
function furtherText({ id, decisive }: Story): string {
  const more = [`kmc show ${decisive.id}`];
  if (typeof id === "number") more.unshift(`kmc diff ${id - 1} ${id}`, `kmc mutants --patch ${id}`);
  return `More: ${more.join(", ")}`;
}

/** Markdown without its marks: links, code, emphasis. */
const plain = (text: string): string =>
  text
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll(/`([^`]*)`/g, "$1")
    .replaceAll(/(\*\*|(?<!\w)_|_(?!\w))/g, "");
