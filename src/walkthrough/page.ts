import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../scenario/package-root.ts";
import { slugOf } from "../scenario/suites.ts";
import type { TopicId } from "./topics.ts";

/** Where the page of a topic is, from the root of the package. */
export const pageOf = (id: TopicId): string =>
  typeof id === "number" ? `docs/patches/${slugOf(id)}.md` : `docs/errata/${id}.md`;

/** What a reader should know after the page: three short answers. */
export interface Summary {
  readonly wrong: string;
  readonly changes: string;
  readonly notice: string;
}

/** The questions of the box on each page, as they stand there. */
export const QUESTIONS: Readonly<Record<keyof Summary, string>> = {
  wrong: "What was wrong?",
  changes: "What changes?",
  notice: "How would I notice?",
};

/** What a person wrote on a page: the box, and the text under its first heading. */
export interface Written {
  readonly summary: Summary;
  /** Paragraphs of the section `## Before`. */
  readonly before: readonly string[];
}

/** Reads the page of a topic. @throws Error if the page or a part of it is missing */
export function writtenOn(id: TopicId): Written {
  const page = pageOf(id);
  const path = join(PACKAGE_ROOT, page);
  if (!existsSync(path)) throw new Error(`there is no page ${page}`);
  return written(readFileSync(path, "utf8"), page);
}

export function written(text: string, page: string): Written {
  const box = text
    .split("\n")
    .filter((line) => line.startsWith(">"))
    .map((line) => line.slice(2))
    .join("\n");
  const answer = (part: keyof Summary): string => {
    const [, rest] = box.split(`**${QUESTIONS[part]}**`);
    const [found = ""] = (rest ?? "").split(/\n\s*\n/);
    const answered = found.replaceAll(/\s+/g, " ").trim();
    if (answered === "") throw new Error(`${page} does not answer "${QUESTIONS[part]}"`);
    return answered;
  };
  const [, section] = text.split(/^## Before$/m);
  const [body = ""] = (section ?? "").split(/^## /m);
  const before = body
    .trim()
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.replaceAll(/\s*\n\s*/g, " "));
  if (body.trim() === "") throw new Error(`${page} has no text under "## Before"`);
  return {
    summary: { wrong: answer("wrong"), changes: answer("changes"), notice: answer("notice") },
    before,
  };
}
