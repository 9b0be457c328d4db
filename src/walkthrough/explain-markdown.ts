import { wrap } from "../report/table.ts";
import { changesText, headText, runText, titleText } from "./explain-text.ts";
import { QUESTIONS, type Summary, type Written } from "./page.ts";
import { timelineLines } from "./side-by-side.ts";
import type { Story } from "./story.ts";

/** Lines of a mail that may be quoted a few times, in characters. */
const WIDTH = 72;

/** A patch or an erratum told in Markdown that reads well as the text of a mail. */
export function explainMarkdown(story: Story, { summary, before }: Written): string[] {
  return [
    `# ${titleText(story)}`,
    "",
    ...wrap(`${headText(story)}.`, WIDTH),
    ...(Object.keys(QUESTIONS) as (keyof Summary)[]).flatMap((part) => [
      "",
      ...wrap(`**${QUESTIONS[part]}** ${withoutLinks(summary[part])}`, WIDTH),
    ]),
    ...before.flatMap((paragraph) => ["", ...wrap(withoutLinks(paragraph), WIDTH)]),
    "",
    ...wrap(`\`${story.decisive.id}\`: ${story.decisive.title}`, WIDTH),
    "",
    "```diff",
    `--- ${runText(story.before)}`,
    `+++ ${runText(story.after)}`,
    ...timelineLines(story.timeline, { width: WIDTH, beside: false }),
    "```",
    "",
    ...wrap(`${changesText(story)}.`, WIDTH),
  ];
}

/** Links on a page lead to other pages, which a mail does not have beside it. */
const withoutLinks = (text: string): string => text.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1");
