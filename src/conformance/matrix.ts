import type { Case } from "../scenario/case.generated.ts";
import type { Composition } from "../reference/compose.ts";
import { LAST_LAYER } from "../reference/compose.ts";
import { holdsAsBefore } from "./shared-runs.ts";
import { layer, layerWithErratum, type Profile, PROFILES } from "./profiles.ts";

/** Whether a case holds on each layer, 0 to 27, without the patches that its layers lack. */
export type Row = readonly boolean[];

/**
 * A row, what it belongs to, and what the case declares it to be; null where it declares nothing.
 */
export interface JudgedRow {
  /** `promised`, `merged`, or an erratum with its defect in or mended; `, without 11`. */
  readonly under: string;
  readonly seen: Row;
  readonly declared: readonly (boolean | null)[];
}

export interface MatrixLine {
  readonly scenario: Case;
  readonly rows: readonly JudgedRow[];
}

const LAYERS = Array.from({ length: LAST_LAYER + 1 }, (_, number) => number);

/** The rows of a case over all layers. */
export function matrixLine(scenario: Case): MatrixLine {
  return { scenario, rows: rowsOf(scenario) };
}

function rowsOf(scenario: Case): JudgedRow[] {
  const declared = LAYERS.map((number) => isDeclared(scenario, number));
  const { erratum, without = [] } = scenario;
  const but = without.length === 0 ? "" : `, without ${without.join(", ")}`;
  if (erratum === undefined) {
    const profiles = PROFILES.filter((profile) => appliesTo(scenario, profile));
    return profiles.map((profile) => ({
      under: `${profile}${but}`,
      seen: row(scenario, (number) => layer(number, profile, without)),
      declared,
    }));
  }
  // With the defect in, or mended: the case holds as declared on one side, and nowhere in its range
  // on the other.
  const own = scenario.proof === "defect";
  const opposite = LAYERS.map((number) => (inRange(scenario, number) ? false : null));
  return [own, !own].map((defect) => ({
    under: `${erratum} ${defect ? "defect" : "mended"}${but}`,
    seen: row(scenario, (number) => layerWithErratum(number, erratum, defect, without)),
    declared: defect === own ? declared : opposite,
  }));
}

const row = (scenario: Case, compose: (number: number) => Composition): Row =>
  LAYERS.map((number) => holdsAsBefore(scenario, compose(number)));

export const appliesTo = ({ profile }: Case, asked: Profile): boolean =>
  profile === "both" || profile === asked;

const within = ({ from, to }: { from: number; to: number }, number: number): boolean =>
  number >= from && number <= to;

const inRange = (scenario: Case, number: number): boolean => within(scenario.layers, number);

/** Whether a case says that it holds on a layer. */
export function isDeclared(scenario: Case, number: number): boolean {
  const others = scenario.alsoHolds ?? [];
  return inRange(scenario, number) || others.some(({ layers }) => within(layers, number));
}

/** The layers on which a row is not what its case declares. */
export function contradictions({ seen, declared }: JudgedRow): number[] {
  return LAYERS.filter((number) => declared[number] !== null && declared[number] !== seen[number]);
}

/**
 * Whether a patch is told apart from the layer below: some case of it holds at the patch and not
 * before.
 */
export function isDiscriminated(patch: number, lines: readonly MatrixLine[]): boolean {
  return lines.some(
    ({ scenario, rows }) =>
      scenario.patch === patch &&
      scenario.proof === "layer" &&
      rows.some(({ seen }) => seen[patch] === true && seen[patch - 1] === false),
  );
}
