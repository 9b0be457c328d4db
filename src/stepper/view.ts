import type { Violation } from "../conformance/violation.ts";
import { CaseRun } from "./case-run.ts";
import { PANEL_NAMES, type PanelName, PANELS } from "./panels/index.ts";
import { resultRows } from "./panels/result.ts";
import type { Row } from "./row.ts";
import { atText, type Logged, type Run } from "./run.ts";
import { caseViolations, stepViolations } from "./verdict.ts";

/** A thread, or whoever else can be led. */
export interface ActorView {
  readonly name: string;
  readonly at: string;
  readonly canGoOn: boolean;
}

/** All that is shown of one side at one place of a run, as plain data. */
export interface View {
  readonly panels: Readonly<Record<PanelName, readonly Row[]>>;
  /** What the last step that is through returned. */
  readonly result: readonly Row[];
  readonly actors: readonly ActorView[];
  /** Whose turn it is; null if the run is over. */
  readonly turn: number | null;
  /** Steps of a case that are through. */
  readonly step: number;
  readonly failure: string | null;
  readonly log: readonly Logged[];
  /** What each step that is through should have shown and did not. */
  readonly violations: readonly (readonly Violation[])[];
  /** What does not hold in all; null while a case is not over, and in free play. */
  readonly verdict: readonly Violation[] | null;
}

/** Takes a view of a run. */
export function viewOf(run: Run): View {
  const { kvm, turn, failure } = run;
  const ofCase = run instanceof CaseRun ? run : null;
  return {
    panels: Object.fromEntries(
      PANEL_NAMES.map((name) => [name, PANELS[name].rowsOf(kvm)]),
    ) as unknown as View["panels"],
    result: resultRows(ofCase?.records.at(-1) ?? null),
    actors: run.actors.map(({ name, at, canGoOn }) => ({ name, at: atText(at), canGoOn })),
    turn,
    step: ofCase?.step ?? 0,
    failure,
    log: [...run.log],
    violations: ofCase === null ? [] : stepViolations(ofCase),
    verdict: ofCase === null ? null : caseViolations(ofCase),
  };
}
