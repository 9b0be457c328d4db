import type { CaseRecord } from "../adapters/record.ts";
import { eventText } from "../conformance/match.ts";
import type { MatrixLine } from "../conformance/matrix.ts";
import { neededCapabilities } from "../scenario/capabilities.ts";
import type { Case } from "../scenario/case.generated.ts";
import { pc } from "./colours.ts";
import { matrixText } from "./matrix-text.ts";
import { stepText } from "./step-text.ts";
import { labelled } from "./table.ts";

/** A case as text: what it is about, where it holds, and what happened when it ran on `claim`. */
export function caseText(line: MatrixLine, claim: string, record: CaseRecord): string[] {
  const { scenario } = line;
  return [
    pc.bold(scenario.id),
    ...labelled("", scenario.title),
    "",
    ...labelled("", scenario.why),
    "",
    ...labelled("responsible  ", scenario.function),
    ...labelled("needs        ", neededCapabilities(scenario).join(", ")),
    ...labelled("machine      ", machineText(scenario)),
    "",
    ...matrixText([line]),
    "",
    ...labelled("on ", claim).map(pc.bold),
    ...timeline(scenario, record),
  ];
}

const machineText = ({ machine }: Case): string =>
  Object.entries(machine)
    .map(([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ") || "the default one";

/** Each step, what it returned, and its events. */
function timeline(scenario: Case, record: CaseRecord): string[] {
  const lines = record.steps.flatMap((observed, i) => {
    const step = stepText(scenario.steps[i]!, observed);
    const events = observed.events.flatMap((event) => labelled("      ", eventText(event)));
    return [
      ...labelled(`${String(i).padStart(3)} `, step),
      ...events.map((event) => pc.dim(event)),
    ];
  });
  const { failure } = record;
  if (failure === undefined) return lines;
  return [...lines, ...labelled("", `${failure.pointer}: ${failure.message}`).map(pc.red)];
}
