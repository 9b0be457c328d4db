import { pc } from "./colours.ts";
import type { Change, Comparison } from "./compare.ts";
import { VERDICTS } from "./run-report.ts";
import { labelled, plural } from "./table.ts";

/** A comparison as text: only what is different, what became worse first. */
export function compareText(comparison: Comparison): string[] {
  const { before, after, common, worse, better, other, onlyBefore, onlyAfter } = comparison;
  const name = ({ implementation }: typeof before): string =>
    `${implementation.name} ${implementation.version}`;
  return [
    ...difference("implementation", name(before), name(after)),
    ...difference("claim", before.claim, after.claim),
    ...group(pc.red("worse"), worse),
    ...group(pc.green("better"), better),
    ...group(pc.yellow("otherwise"), other),
    ...only("only before", onlyBefore),
    ...only("only after", onlyAfter),
    `${plural(common, "case")} in common: ${worse.length} worse, ${better.length} better, ` +
      `${other.length} otherwise`,
  ];
}

function difference(what: string, before: string, after: string): string[] {
  if (before === after) return [];
  return [what, ...labelled("  before  ", before), ...labelled("  after   ", after), ""];
}

function group(name: string, changes: readonly Change[]): string[] {
  if (changes.length === 0) return [];
  const lines = changes.flatMap(({ id, title, before, after }) => [
    ...labelled("  ", `${id}: ${VERDICTS[before]} → ${VERDICTS[after]}`),
    ...labelled("    ", title).map((line) => pc.dim(line)),
  ]);
  return [name, ...lines, ""];
}

const only = (name: string, ids: readonly string[]): string[] =>
  ids.length === 0 ? [] : [name, ...labelled("  ", ids.join(", ")), ""];
