import { structuredPatch } from "diff";
import { pc } from "./colours.ts";
import { folded } from "./table.ts";

/** An operation in two compositions; null where it does not exist. */
export interface Change {
  readonly name: string;
  readonly before: string | null;
  readonly after: string | null;
}

/** What changes in an operation, as a unified diff with all of its text. */
export function changeText({ name, before, after }: Change): string[] {
  const what = before === null ? "new" : after === null ? "removed" : "changed";
  const { hunks } = structuredPatch("", "", ended(before), ended(after), "", "", {
    context: 1000,
  });
  const lines = hunks.flatMap((hunk) => hunk.lines).filter((line) => !line.startsWith("\\"));
  return [pc.bold(`${name} (${what})`), ...lines.flatMap(coloured)];
}

/** A line of the diff, folded where it is longer than ours may be. */
function coloured(line: string): string[] {
  const mark = line.slice(0, 1);
  const paint = mark === "+" ? pc.green : mark === "-" ? pc.red : String;
  return folded(line.slice(1), mark).map(paint);
}

const ended = (text: string | null): string => (text === null ? "" : `${text}\n`);
