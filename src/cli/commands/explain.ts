import type { Command } from "commander";
import { LAST_LAYER } from "../../reference/compose.ts";
import { WIDTH } from "../../report/table.ts";
import { explainMarkdown } from "../../walkthrough/explain-markdown.ts";
import { explainText } from "../../walkthrough/explain-text.ts";
import { type Written, writtenOn } from "../../walkthrough/page.ts";
import { type Story, storyOf } from "../../walkthrough/story.ts";
import { TOPIC_IDS, type TopicId, topicOf } from "../../walkthrough/topics.ts";
import { print, printJson } from "../output.ts";
import { selectCases } from "../select.ts";
import { UsageError } from "../usage-error.ts";

interface Options {
  readonly narrow?: boolean;
  readonly markdown?: boolean;
  readonly json?: boolean;
}

/** On a terminal with fewer columns there is no room for two timelines beside each other. */
const BESIDE = 80;

/** `kmc explain 11`: what a patch or an erratum is about, and its decisive case on both sides. */
export function add(command: Command): void {
  command
    .argument("<topic>", "a patch, as 11, or an erratum, as E1")
    .option("--narrow", "one timeline below the other, as on a narrow terminal")
    .option("--markdown", "as Markdown, for a mail")
    .option("--json", "as JSON")
    .action((text: string, options: Options) => {
      const given = ["narrow", "markdown", "json"] as const;
      const chosen = given.filter((name) => options[name] === true);
      if (chosen.length > 1) {
        const names = chosen.map((name) => `--${name}`).join(" and ");
        throw new UsageError(`${names} exclude each other; choose one`);
      }
      const id = parseTopic(text);
      const story = storyOf(id, selectCases({ case: topicOf(id).decisive }));
      const written = writtenOn(id);
      if (options.json === true) {
        printJson(explanation(story, written));
      } else if (options.markdown === true) {
        print(explainMarkdown(story, written));
      } else {
        const width = Math.min(WIDTH, columns());
        const beside = options.narrow !== true && width >= BESIDE;
        print(explainText(story, written, { width, beside }));
      }
    });
}

function explanation(story: Story, { summary }: Written): object {
  const { decisive, recordings: _, requires, ...rest } = story;
  const needs = Object.entries(requires).map(([patch, why]) => ({ patch: Number(patch), why }));
  const head = { kind: "explanation", format: 1 };
  return { ...head, ...rest, requires: needs, summary, case: decisive.id };
}

/** @throws UsageError */
function parseTopic(text: string): TopicId {
  const id = TOPIC_IDS.find(
    (topic) => String(topic) === text.replace(/^0(?=\d)/, "").toUpperCase(),
  );
  if (id !== undefined) return id;
  const expected = `a number from 1 to ${LAST_LAYER}, or E1 to E8`;
  throw new UsageError(`there is no patch or erratum "${text}"; expected ${expected}`);
}

/** Of the terminal; as wide as anything of ours where there is none. */
const columns = (): number => (process.stdout.isTTY ? process.stdout.columns : WIDTH);
