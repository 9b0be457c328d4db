import type { CaseRecord, StepRecord } from "../adapters/record.ts";
import { eventText } from "../conformance/match.ts";
import type { Case, Step } from "../scenario/case.generated.ts";
import { stepText, threadTexts } from "./step-text.ts";
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

/**
 * Each step, what it returned, and its events.
 * @param wrong JSON pointers to what is not as expected; the steps that hold it stand out.
 */
export function timelineHtml(
  scenario: Case,
  record: CaseRecord,
  wrong: readonly string[] = [],
): string {
  const steps = record.steps.map((observed, i) => {
    const isWrong = wrong.some((pointer) => `${pointer}/`.startsWith(`/steps/${i}/`));
    const events = observed.events.slice(0, MAX_EVENTS).map(eventText);
    const more = observed.events.length - MAX_EVENTS;
    if (more > 0) events.push(`and ${more} more`);
    const step = stepHtml(scenario.steps[i]!, observed);
    return `<li${isWrong ? ' class="wrong"' : ""}>${step}${listHtml("events", events)}</li>`;
  });
  return `<ol class="steps" start="0">${steps.join("\n")}</ol>`;
}

/** A step in one line; threads in one each. */
function stepHtml(step: Step, observed: StepRecord): string {
  if (step.do !== "threads") return escapeMarkup(stepText(step, observed));
  const { threads, order } = threadTexts(step, observed);
  return `threads${listHtml("threads", threads)}order: ${escapeMarkup(order)}`;
}

const listHtml = (name: string, items: readonly string[]): string =>
  items.length === 0
    ? ""
    : `<ul class="${name}">${items.map((item) => `<li>${escapeMarkup(item)}</li>`).join("")}</ul>`;
