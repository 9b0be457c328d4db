import type { EventExpectations, EventPattern } from "../scenario/case.generated.ts";
import type { WireEvent } from "../adapters/record.ts";
import { countText, eventText, matchesCount, matchesEvent, patternText } from "./match.ts";
import type { Violation } from "./violation.ts";

/** Compares the events of a step, or of a case, with what is expected of them. */
export function judgeEvents(
  expected: EventExpectations | undefined,
  events: readonly WireEvent[],
  pointer: string,
): Violation[] {
  if (expected === undefined) return [];
  const violations: Violation[] = [];
  for (const [i, wanted] of (expected.counts ?? []).entries()) {
    const found = events.filter((event) => matchesEvent(wanted, event));
    if (matchesCount(wanted.count, found.length)) continue;
    violations.push({
      pointer: `${pointer}/counts/${i}`,
      expected: `${countText(wanted.count)} × ${patternText(wanted)}`,
      seen: seenInstead(wanted, found, events),
    });
  }
  if (expected.order !== undefined) {
    violations.push(...judgeOrder(expected.order, events, `${pointer}/order`));
  }
  if (expected.exactly !== undefined) {
    const of = new Set<string>(expected.exactly.of);
    const kept = events.filter(({ event }) => of.has(event));
    violations.push(
      ...judgeSequence(expected.exactly.sequence, kept, `${pointer}/exactly/sequence`),
    );
  }
  return violations;
}

function seenInstead(
  wanted: EventPattern,
  found: readonly WireEvent[],
  events: readonly WireEvent[],
): string {
  const others = events.filter(({ event }) => event === wanted.event).length - found.length;
  const otherText = others > 0 ? `, and ${others} with other fields` : "";
  return `${found.length}${otherText}`;
}

/** The patterns must occur one after the other. */
function judgeOrder(
  order: readonly EventPattern[],
  events: readonly WireEvent[],
  pointer: string,
): Violation[] {
  let from = 0;
  for (const [i, pattern] of order.entries()) {
    const at = events.findIndex((event, n) => n >= from && matchesEvent(pattern, event));
    if (at < 0) {
      const after = i === 0 ? "" : ` after ${patternText(order[i - 1]!)}`;
      const elsewhere = events.some((event) => matchesEvent(pattern, event));
      const seen = elsewhere ? "only before that" : "no such event";
      return [{ pointer: `${pointer}/${i}`, expected: `${patternText(pattern)}${after}`, seen }];
    }
    from = at + 1;
  }
  return [];
}

/** The events must be these. The first difference is reported. */
function judgeSequence(
  sequence: readonly EventPattern[],
  events: readonly WireEvent[],
  pointer: string,
): Violation[] {
  const length = Math.max(sequence.length, events.length);
  for (let i = 0; i < length; i++) {
    const pattern = sequence[i];
    const event = events[i];
    if (pattern !== undefined && event !== undefined && matchesEvent(pattern, event)) continue;
    return [
      {
        pointer: pattern === undefined ? pointer : `${pointer}/${i}`,
        expected: pattern === undefined ? "no further event" : patternText(pattern),
        seen: event === undefined ? "no further event" : eventText(event),
      },
    ];
  }
  return [];
}
