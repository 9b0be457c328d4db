import type { Event } from "../../reference/machine/events.ts";
import { hex, type WireEvent, type WireValue } from "../record.ts";

/** Fields that are gfns or addresses, given as numbers inside and as hex on the wire. */
const ADDRESSES = new Set(["gfn", "addr", "gva", "address"]);

/**
 * Renders an event for the wire. The number of a fast invalidate stays inside: it is not there on
 * every layer.
 */
export function toWireEvent(event: Event): WireEvent {
  const { event: name, ...fields } = event;
  const wire: Record<string, WireValue> = {};
  for (const [field, value] of Object.entries(fields)) {
    if (field === "page") Object.assign(wire, pageFields(value as object));
    else if (Array.isArray(value))
      value.forEach((each, as) => (wire[`as${as}`] = hex(each as bigint)));
    else wire[field] = wireValue(field, value);
  }
  return { event: name, ...wire };
}

function pageFields(page: object): Record<string, WireValue> {
  const { id: _id, mmu_valid_gen: _generation, ...fields } = page as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(fields).map(([field, value]) => [field, wireValue(field, value)]),
  );
}

function wireValue(field: string, value: unknown): WireValue {
  if (typeof value === "bigint") return hex(value);
  if (typeof value === "number") return ADDRESSES.has(field) ? hex(value) : value;
  return value as WireValue;
}
