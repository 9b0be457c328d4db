import { diffLines } from "diff";
import type { MarkdownRenderer } from "vitepress";
import { loadCases } from "../../src/scenario/load-cases.ts";
import type { Change } from "../../src/report/change-text.ts";
import { storyOf } from "../../src/walkthrough/story.ts";
import { TOPIC_IDS } from "../../src/walkthrough/topics.ts";

const LINE = /^<!-- changes: (\w+) -->$/;

/** Lets `<!-- changes: 11 -->` show what patch 11 changes: each function before, and after. */
export function changes(md: MarkdownRenderer): void {
  const cases = loadCases();
  md.block.ruler.before("html_block", "changes", (state, start, _end, silent) => {
    const text = state.src.slice(state.bMarks[start], state.eMarks[start]);
    const wanted = LINE.exec(text)?.[1];
    if (wanted === undefined) return false;
    if (silent) return true;
    const id = TOPIC_IDS.find((topic) => String(topic) === wanted);
    if (id === undefined) throw new Error(`there is no patch or erratum "${wanted}" to show`);
    const story = storyOf(id, cases);
    const html = (content: string): void => {
      state.push("html_block", "", 0).content = content;
    };
    const source = (code: string, lines: string): void => {
      const token = state.push("fence", "code", 0);
      token.info = lines === "" ? "ts" : `ts{${lines}}`;
      token.content = code;
      token.markup = "```";
      token.map = [start, start + 1];
    };
    for (const change of story.changes) {
      const { before, after } = marked(change);
      html(`<div class="change"><p class="name"><code>${change.name}</code></p>`);
      html(side("before", story.before.name, before.code));
      if (before.code !== "") source(before.code, before.lines);
      html(`</div>${side("after", story.after.name, after.code)}`);
      if (after.code !== "") source(after.code, after.lines);
      html("</div></div>\n");
    }
    if (story.moved.length > 0) {
      const names = story.moved.map((name) => `<li><code>${name}</code></li>`).join("");
      html(
        `<p>Stand before the function that will call them, instead of behind it:</p><ul>${names}</ul>`,
      );
    }
    state.line = start + 1;
    return true;
  });
}

const side = (when: string, name: string, code: string): string =>
  `<div class="${when}"><p>${name}${code === "" ? ": does not exist" : ""}</p>`;

/** The two texts of a function, and the numbers of the lines that the other does not have. */
function marked({ before, after }: Change) {
  const [was, is] = [before, after].map((text) => (text === null ? "" : `${text}\n`));
  const [gone, come]: [number[], number[]] = [[], []];
  let [left, right] = [1, 1];
  for (const { added, removed, count } of diffLines(was!, is!)) {
    for (let i = 0; i < count; i++) {
      if (removed) gone.push(left++);
      else if (added) come.push(right++);
      else [left, right] = [left + 1, right + 1];
    }
  }
  // Of a function that is new or gone, all lines are.
  const numbers = (lines: number[]): string =>
    before === null || after === null ? "" : lines.join(",");
  return {
    before: { code: was!, lines: numbers(gone) },
    after: { code: is!, lines: numbers(come) },
  };
}
