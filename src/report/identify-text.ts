import type { Introduction } from "../adapters/protocol/messages.ts";
import type { Finding, Identification } from "../conformance/identify.ts";
import { pc } from "./colours.ts";
import { candidateText, errataText, layersText, partStateText, partText } from "./part-text.ts";
import { fit, labelled, plural, WIDTH } from "./table.ts";

/** An identification as text: what it is, part by part, and where it differs from that. */
export function identifyText(
  { name, version }: Introduction,
  { candidate, layers, findings, assessed, divergences }: Identification,
): string[] {
  const agree = divergences.length === 0;
  const how = agree ? "behaves in every assessed case as" : "comes closest to";
  const what =
    layers.length > 1
      ? layersText(layers) + errataText(candidate.errata)
      : candidateText(candidate);
  const verdict = assessed === 0 ? "nothing could be assessed" : `${how} ${what}`;
  return [
    ...labelled("", `${name} ${version}: ${verdict}`),
    "",
    ...findings.flatMap(findingText),
    "",
    ...divergences.flatMap(({ scenario, violations }, i) => {
      if (i > 2) return [];
      const [first] = violations;
      const lines = labelled("differs in ", `${scenario.id}: ${scenario.title}`);
      if (first === undefined) return [...lines, "  it conforms; the closest does not"];
      const { pointer, expected, seen } = first;
      return [...lines, ...labelled("  ", `at ${pointer} expected ${expected}; seen ${seen}`)];
    }),
    ...(divergences.length > 3 ? [`and in ${divergences.length - 3} more`] : []),
    `${plural(assessed, "case")} assessed, ${divergences.length} not explained`,
  ];
}

function findingText(finding: Finding): string[] {
  const { part } = finding;
  const line = `${partStateText(part, finding.state)}  ${fit(partText(part), WIDTH - 14).trimEnd()}`;
  if (finding.state !== "undetermined") return [line];
  const { missing } = finding;
  const why =
    missing.length === 0
      ? "no case can tell here: with or without it the same is seen"
      : `needs ${missing.join(", ")}`;
  return [line, ...labelled("              ", why).map((text) => pc.dim(text))];
}
