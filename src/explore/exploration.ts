import type { Composition } from "../reference/compose.ts";
import { asViolation, searchProgress } from "./livelock.ts";
import {
  checkObligation,
  composeSubject,
  type Obligation,
  propertyOf,
  subjectText,
} from "./obligation.ts";
import type { Property } from "./property.ts";
import type { Scenario } from "./scenario.ts";
import {
  type Counts,
  search,
  type SearchOptions,
  type SearchResult,
  type Violation,
} from "./search.ts";
import { shortestWitness, type Witness, witnessOf } from "./witness.ts";

/** What was searched and found: every form of `kmc explore` shows this. */
export interface Exploration {
  /** Of the obligation or the case. */
  readonly id: string;
  readonly title: string;
  readonly why: string;
  readonly searches: readonly Searched[];
  readonly witnesses: readonly ToldWitness[];
}

/** A search over all orders of a scenario on one composition. */
export interface Searched {
  /** The composition, in words. */
  readonly subject: string;
  /** Whether the bad outcome must be reachable. */
  readonly expected: boolean;
  readonly reached: boolean;
  readonly result: Figures;
}

/** How large a search was, and why it has not seen everything, or null. */
export type Figures = Counts & Pick<SearchResult, "notCovered">;

/** A schedule that leads to a bad outcome. */
export interface ToldWitness extends Witness {
  readonly property: string;
  /** Why it is wrong, without a full stop. */
  readonly sentence: string;
  /** Whether it shows only in the steps after the threads. */
  readonly atEnd: boolean;
  /** Names of the threads, in the order of their columns. */
  readonly threads: readonly string[];
}

/** What is searched of a case or of an obligation under a claim. */
export interface Question {
  readonly id: string;
  readonly title: string;
  readonly why: string;
  readonly scenario: Scenario;
  /** What must hold. */
  readonly properties: readonly Property[];
  /** Whether the threads must come to their ends under a fair scheduler. */
  readonly progress: boolean;
}

/** Both directions of an obligation. @param tellsWitness of its first reachable side */
export function exploreObligation(
  obligation: Obligation,
  options: SearchOptions,
  tellsWitness: boolean,
): Exploration {
  const { id, title, why, scenario, reachable } = obligation;
  const searches = [...checkObligation(obligation, options)].map(
    ({ subject, expected, reached, result }): Searched => ({
      ...{ subject: subjectText(subject), expected, reached, result: figuresOf(result) },
    }),
  );
  const composition = composeSubject(reachable[0]!);
  const property = propertyOf(obligation);
  const witness = !tellsWitness
    ? null
    : property === null
      ? livelockOf(composition, scenario)
      : shortestWitness(composition, scenario, property);
  const witnesses = witness === null ? [] : [told(composition, scenario, witness)];
  return { id, title, why, searches, witnesses };
}

/** What can be reached in a scenario on one composition, where nothing bad may be. */
export function exploreScenario(
  { id, title, why, scenario, properties, progress }: Question,
  composition: Composition,
  subject: string,
  options: SearchOptions,
): Exploration {
  const result = search(composition, scenario, { ...options, properties });
  const violations = result.violations.map((violation) => {
    const property = properties.find((each) => each.id === violation.property);
    return (property && shortestWitness(composition, scenario, property)) ?? violation;
  });
  const livelock = progress ? searchProgress(composition, scenario, options) : null;
  if (livelock?.livelock) violations.push(asViolation(livelock.livelock));
  const notCovered = result.notCovered ?? livelock?.notCovered ?? null;
  return {
    id,
    title,
    why,
    searches: [
      {
        ...{ subject, expected: false, reached: violations.length > 0 },
        result: { ...figuresOf(livelock ?? result), notCovered },
      },
    ],
    witnesses: violations.map((violation) => told(composition, scenario, violation)),
  };
}

const figuresOf = ({ executions, states, steps, notCovered }: Figures): Figures => ({
  ...{ executions, states, steps, notCovered },
});

function livelockOf(composition: Composition, scenario: Scenario): Violation | null {
  const { livelock } = searchProgress(composition, scenario);
  return livelock === null ? null : asViolation(livelock);
}

function told(composition: Composition, scenario: Scenario, violation: Violation): ToldWitness {
  const { property, finding, atEnd } = violation;
  return {
    ...witnessOf(composition, scenario, violation),
    ...{ property, sentence: finding.sentence, atEnd, threads: Object.keys(scenario.threads) },
  };
}

/** `fails` when what may not be reached was, or what must be was not, in a complete search. */
export type ExplorationVerdict = "holds" | "fails" | "not covered";

export function verdictOf({ expected, reached, result }: Searched): ExplorationVerdict {
  if (reached && !expected) return "fails";
  if (result.notCovered !== null) return "not covered";
  return reached === expected ? "holds" : "fails";
}
