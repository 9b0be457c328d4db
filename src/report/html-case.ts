import type { CaseRecord } from "../adapters/record.ts";
import { eventText } from "../conformance/match.ts";
import type { Case } from "../scenario/case.generated.ts";
import { stepText } from "./step-text.ts";
import { escapeMarkup } from "./xml.ts";

/** Events of one step that are shown. */
const MAX_EVENTS = 40;

/** A case to unfold: what it is about, and whatever else there is to say of it. */
export const caseHtml = (
  { id, title, why, function: name }: Case,
  { tag = "", isOpen = false, inside }: { tag?: string; isOpen?: boolean; inside: string },
): string =>
  `<details id="${id}"${isOpen ? " open" : ""}><summary>${tag}${escapeMarkup(title)} <code>${id}</code></summary>
<p>${escapeMarkup(why)}</p>
<p>Responsible: <code>${escapeMarkup(name)}</code></p>
${inside}
</details>`;

/** Each step, what it returned, and its events. */
export function timelineHtml(scenario: Case, record: CaseRecord): string {
  const steps = record.steps.map((observed, i) => {
    const events = observed.events
      .slice(0, MAX_EVENTS)
      .map((event) => `<li>${escapeMarkup(eventText(event))}</li>`);
    const more = observed.events.length - MAX_EVENTS;
    if (more > 0) events.push(`<li>and ${more} more</li>`);
    const step = escapeMarkup(stepText(scenario.steps[i]!, observed));
    return `<li>${step}${events.length > 0 ? `<ul>${events.join("")}</ul>` : ""}</li>`;
  });
  return `<ol class="steps" start="0">${steps.join("\n")}</ol>`;
}
