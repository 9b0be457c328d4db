import type { Case } from "../scenario/case.generated.ts";
import { sidesOf } from "../walkthrough/sides.ts";
import { type TopicId, TOPIC_IDS, topicOf } from "../walkthrough/topics.ts";
import { sideId } from "./composition.ts";
import type { Link } from "./link.ts";

/** A topic as a page names it: `11`, `E1`. @throws RangeError if there is none */
export function topicNamed(name: string): TopicId {
  const id = TOPIC_IDS.find((each) => String(each) === name);
  if (id === undefined) throw new RangeError(`there is no topic "${name}"`);
  return id;
}

/** The id of the case that a topic is opened with. */
export const decisiveOf = (id: TopicId): string => topicOf(id).decisive;

/** What a topic is opened with: its decisive case, before and after, at the start. */
export function topicLink(id: TopicId, decisive: Case): Link {
  const sides = sidesOf(id, decisive).map(({ composition: { patches, slips, remedies } }) =>
    sideId(patches.length, [...slips, ...remedies]),
  );
  return { sides, subject: { caseId: decisive.id }, moves: [], entry: null };
}
