import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { type Composition, composeThrough } from "../reference/compose.ts";
import { mutants } from "../reference/mutants/index.ts";
import type { ErratumId } from "../reference/patch.ts";
import { CaseError } from "../scenario/case-error.ts";
import { PACKAGE_ROOT } from "../scenario/package-root.ts";
import { searchProgress } from "./livelock.ts";
import { PROPERTIES } from "./properties/index.ts";
import type { Property } from "./property.ts";
import type { Scenario } from "./scenario.ts";
import { search, type SearchOptions, type SearchResult } from "./search.ts";

/** Where the obligations are, from the root of the package. */
export const OBLIGATIONS = "fixtures/obligations";
export const OBLIGATION_SCHEMA_FILE = "fixtures/schema/obligation.schema.json";

/** Where their shortest witnesses are, as cases. */
export const WITNESSES = "fixtures/witnesses";
/** The page with the figures of their searches. */
export const OBLIGATION_FIGURES = "docs/interleavings.md";

/** What runs: a layer, with errata, or with a known-bad variant of its last patch. */
export interface Subject {
  readonly layer: number;
  /** Patches of it that are left out. */
  readonly without?: readonly number[];
  readonly slips?: readonly ErratumId[];
  readonly remedies?: readonly ErratumId[];
  readonly mutant?: string;
}

/** A bad outcome that some layers can reach and others cannot, over all orders of a scenario. */
export interface Obligation {
  /** The patch or the erratum, and what else tells it apart. */
  readonly id: string;
  readonly title: string;
  readonly why: string;
  /** The kernel function that is responsible. */
  readonly function: string;
  /** The property that does not hold when the bad outcome is reached. */
  readonly property: string;
  readonly scenario: Scenario;
  readonly reachable: readonly Subject[];
  readonly unreachable: readonly Subject[];
}

export const obligationIds = (): string[] =>
  readdirSync(join(PACKAGE_ROOT, OBLIGATIONS))
    .map((file) => file.replace(/\.json$/, ""))
    .sort();

/** @throws CaseError */
export const loadObligation = (id: string): Obligation =>
  readObligation(join(PACKAGE_ROOT, OBLIGATIONS, `${id}.json`));

/** Reads an obligation and compares it with its schema. @throws CaseError */
export function readObligation(path: string): Obligation {
  const file = relative(process.cwd(), path);
  const document = readJson(path, file);
  validate ??= validator();
  if (validate(document)) return document;
  const { instancePath, message = "does not fit the schema" } = validate.errors!.at(-1)!;
  throw new CaseError(file, instancePath, message);
}

let validate: ValidateFunction<Obligation> | undefined;

function validator(): ValidateFunction<Obligation> {
  const read = (name: string): object =>
    JSON.parse(readFileSync(join(PACKAGE_ROOT, name), "utf8")) as object;
  const ajv = new Ajv2020({ validateSchema: false, allowUnionTypes: true, discriminator: true });
  return ajv.compile<Obligation>(read(OBLIGATION_SCHEMA_FILE));
}

function readJson(path: string, file: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new CaseError(file, "", `cannot be read as JSON: ${(error as Error).message}`);
  }
}

export function composeSubject({ mutant, ...subject }: Subject): Composition {
  const { layer, without = [], slips = [], remedies = [] } = subject;
  const overrides = mutants.filter(({ id }) => id === mutant);
  return composeThrough(layer, { without, slips, remedies, overrides });
}

/** `layer 27 but for 11, with E1, without E2`. */
export function subjectText({ mutant, ...subject }: Subject): string {
  const { layer, without = [], slips = [], remedies = [] } = subject;
  const parts = [`layer ${layer}${without.length > 0 ? ` but for ${without.join(" ")}` : ""}`];
  if (slips.length > 0) parts.push(`with ${slips.join(" ")}`);
  if (remedies.length > 0) parts.push(`without ${remedies.join(" ")}`);
  if (mutant !== undefined) parts.push(`as ${mutant}`);
  return parts.join(", ");
}

/** The property of an obligation; null for livelock. */
export const propertyOf = ({ property }: Pick<Obligation, "property">): Property | null =>
  PROPERTIES.find(({ id }) => id === property) ?? null;

/** What a search over the complete space of an obligation's scenario found for one subject. */
export interface Checked {
  readonly subject: Subject;
  /** Whether the bad outcome must be reachable. */
  readonly expected: boolean;
  readonly reached: boolean;
  readonly result: SearchResult;
  /** The search was complete, and the bad outcome is reachable exactly if it must be. */
  readonly holds: boolean;
}

/** Checks an obligation in both directions, one subject after the other. */
export function* checkObligation(
  obligation: Obligation,
  options: SearchOptions = {},
): Generator<Checked> {
  const sides = [
    [true, obligation.reachable],
    [false, obligation.unreachable],
  ] as const;
  for (const [expected, subjects] of sides) {
    for (const subject of subjects) {
      const [reached, result] = searchSubject(obligation, subject, options);
      const holds = result.notCovered === null && reached === expected;
      yield { subject, expected, reached, result, holds };
    }
  }
}

/** @returns whether the bad outcome was reached, and what the search has seen. */
export function searchSubject(
  obligation: Obligation,
  subject: Subject,
  options: SearchOptions = {},
): [reached: boolean, SearchResult] {
  const composition = composeSubject(subject);
  const property = propertyOf(obligation);
  if (property === null) {
    const result = searchProgress(composition, obligation.scenario, options);
    return [result.livelock !== null, result];
  }
  const properties = [property];
  const result = search(composition, obligation.scenario, { ...options, properties });
  return [result.violations.some((violation) => violation.property === property.id), result];
}
