import { slugOf, titleOf } from "../scenario/suites.ts";
import { STAIRCASE_STYLE } from "./html-staircase.ts";
import { escapeMarkup } from "./xml.ts";

/** A page that needs nothing else: no script, no font, no network. */
export const htmlPage = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeMarkup(title)}</title>
<style>${STYLE}</style>
</head>
<body>
${body}
</body>
</html>
`;

/** The heading of a suite: its number and its patch. */
export const suiteHeading = (patch: number): string =>
  `<h2><span class="number">${slugOf(patch).slice(0, 2)}</span> ${escapeMarkup(titleOf(patch))}</h2>`;

const STYLE = `
:root { color-scheme: light dark; --on: #2a8f4f; --off: #8884; --wrong: #d33; --line: #8883; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem; overflow-wrap: break-word; }
code, .steps { font-family: ui-monospace, monospace; font-size: 13px; }
h2 { margin-top: 3rem; font-size: 1.2rem; } .number { opacity: .6; }
.verdict { padding: .6rem 1rem; border-left: 4px solid var(--on); } .verdict.bad { border-color: var(--wrong); color: inherit; }
table { border-collapse: collapse; } td, th { padding: .15rem .4rem; text-align: left; vertical-align: top; }
tbody tr { border-top: 1px solid var(--line); }
.matrix { font-size: 13px; display: block; overflow-x: auto; margin-bottom: 1rem; }
.matrix td:first-child { white-space: nowrap; } .layer { padding: .15rem .1rem; text-align: center; font-size: 11px; }
.cell { display: inline-block; width: 13px; height: 13px; border-radius: 3px; background: var(--off); }
.on { background: var(--on); } .cell.wrong { background: var(--wrong); } .bad { color: var(--wrong); }
.same { box-shadow: inset 0 0 0 2px var(--wrong); } .plain { list-style: none; padding: 0; }
h1 small { font-weight: normal; font-size: 1rem; opacity: .6; }
details { margin: .4rem 0; } details > :not(summary) { margin-left: 1.1rem; } summary { cursor: pointer; }
.steps { padding-left: 2.5rem; overflow-wrap: anywhere; } .steps li { margin: .2rem 0; } .events { opacity: .75; }
.steps > .wrong { background: #d332; }
.mutants { margin-top: 1rem; font-size: 13px; display: block; overflow-x: auto; }
.counts td:not(:first-child), .counts th:not(:first-child) { text-align: right; }
.tag { font: 600 11px system-ui, sans-serif; padding: .1rem .4rem; border-radius: 3px; border: 1px solid var(--line); }
.tag.good { color: var(--on); } .tag.bad { color: #fff; background: var(--wrong); border-color: var(--wrong); }
.witness { font-size: 13px; } .witness td, .witness th { padding-right: 1.5rem; }
.seen { padding: .4rem .8rem; border-left: 4px solid var(--wrong); overflow-x: auto; white-space: pre-wrap; }
a { color: inherit; } .legend { opacity: .8; }
${STAIRCASE_STYLE}`;
