import { recordOnReference } from "../adapters/reference/reference-implementation.ts";
import type { Runnable } from "../reference/compose.ts";
import { relevantEvents } from "../scenario/capabilities.ts";
import type { Case } from "../scenario/case.generated.ts";
import { judge } from "./judge.ts";

/** Whether the reference, composed in some way, does what a case expects. */
export function holds(scenario: Case, composition: Runnable): boolean {
  const record = recordOnReference(composition, scenario, { events: relevantEvents(scenario) });
  return judge(scenario, record).length === 0;
}
