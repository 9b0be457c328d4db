import type { Count, EventPattern, Fields } from "../scenario/case.generated.ts";
import type { WireEvent } from "../adapters/record.ts";

/** Whether all given fields have one of their allowed values. */
export function matchesFields(
  wanted: Fields | undefined,
  seen: Readonly<Record<string, unknown>>,
): boolean {
  if (wanted === undefined) return true;
  return Object.entries(wanted).every(([field, value]) =>
    Array.isArray(value) ? value.includes(seen[field] as never) : seen[field] === value,
  );
}

export const matchesEvent = (pattern: EventPattern, event: WireEvent): boolean =>
  event.event === pattern.event && matchesFields(pattern.where, event);

/** Whether a number is as wanted: equal, or within the bounds. */
export function matchesCount(wanted: Count, seen: number): boolean {
  if (typeof wanted === "number") return seen === wanted;
  return seen >= (wanted.min ?? 0) && seen <= (wanted.max ?? Infinity);
}

export function countText(wanted: Count): string {
  if (typeof wanted === "number") return String(wanted);
  if (wanted.max === undefined) return `at least ${wanted.min ?? 0}`;
  return wanted.min === undefined ? `at most ${wanted.max}` : `${wanted.min} to ${wanted.max}`;
}

/** A pattern as a phrase: `prepare_zap (gfn 0xc00, level 1)`. */
export function patternText({ event, where }: EventPattern): string {
  return where === undefined ? event : `${event} (${fieldsText(where)})`;
}

export const fieldsText = (fields: Readonly<Record<string, unknown>>): string =>
  Object.entries(fields)
    .map(
      ([field, value]) => `${field} ${Array.isArray(value) ? value.join(" or ") : String(value)}`,
    )
    .join(", ");

export function eventText({ event, ...fields }: WireEvent): string {
  const text = fieldsText(fields);
  return text === "" ? event : `${event} (${text})`;
}
