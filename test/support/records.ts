import type { CaseRecord, StepRecord, WireEvent } from "../../src/adapters/record.ts";

/** An event as it comes over the wire. */
export const wire = (
  event: string,
  fields: Readonly<Record<string, string | number | boolean>> = {},
) => ({ event, ...fields }) as WireEvent;

/** The record of a step that returned this and did that. */
export const stepRecord = (
  result: StepRecord["result"] = {},
  events: readonly WireEvent[] = [],
): StepRecord => ({ result, events });

/** The record of a case whose steps left these. */
export const caseRecord = (...steps: StepRecord[]): CaseRecord => ({ id: "p11.small.case", steps });
