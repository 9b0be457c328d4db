import { ranges } from "../conformance/claim.ts";
import { eventText } from "../conformance/match.ts";
import type { CaseResult } from "../conformance/run-cases.ts";
import { labelled } from "./table.ts";

export interface FailureLinesOptions {
  /** What every line begins with. */
  readonly indent?: string;
  /** How many violations are told. */
  readonly most?: number;
  /** Whether to tell what the case is about: its title, and who is responsible. True if left out. */
  readonly about?: boolean;
}

/**
 * What is wrong with a result that is not good, without colours: where, what was expected, what was
 * seen, who is responsible, which layers do the same.
 */
export function failureLines(
  { scenario, verdict, violations, equals, firstDifference, log }: CaseResult,
  { indent = "", most = 3, about = true }: FailureLinesOptions = {},
): string[] {
  const { title, patch } = scenario;
  const lines: string[] = [];
  const tell = (label: string, text: string): void => {
    lines.push(...labelled(indent + label, text));
  };
  if (about) tell("", title);
  if (verdict === "unexpected-pass") tell("", "it conforms, and is said not to");
  for (const { pointer, expected, seen } of violations.slice(0, most)) {
    tell("at ", pointer === "" ? "the start of the case" : pointer);
    tell("  expected  ", expected);
    tell("  seen      ", seen);
  }
  if (violations.length > most) tell("", `and ${violations.length - most} more`);
  if (firstDifference !== null) {
    const { pointer, expected, seen } = firstDifference;
    tell("first event that differs, in ", pointer);
    tell("  expected  ", expected === null ? "nothing more" : eventText(expected));
    tell("  seen      ", seen === null ? "nothing more" : eventText(seen));
  }
  if (log.length > 0) tell("", "its last words on stderr");
  for (const line of log) {
    // The indentation of a stack trace stays.
    const [, depth = "", text = ""] = /^( *)(.*)$/s.exec(line.replaceAll("\t", "    "))!;
    tell(`  ${depth.slice(0, 40)}`, text);
  }
  if (about) tell("responsible: ", `${scenario.function}${patch > 0 ? ` (patch ${patch})` : ""}`);
  if (equals.length > 0) tell("equals layer ", equalsText(equals));
  return lines;
}

/** `11-27 as promised, 10 as merged`: each is one layer under one profile, the claim perhaps under the other. */
function equalsText(equals: readonly string[]): string {
  const numbers = (of: readonly string[]): string => ranges(of.map((each) => parseInt(each, 10)));
  const merged = equals.filter((each) => each.endsWith(" merged"));
  const promised = equals.filter((each) => !each.endsWith(" merged"));
  return [
    ...(promised.length > 0 ? [`${numbers(promised)} as promised`] : []),
    ...(merged.length > 0 ? [`${numbers(merged)} as merged`] : []),
  ].join(", ");
}
