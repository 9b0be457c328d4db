import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { Case } from "../scenario/case.generated.ts";
import { PACKAGE_ROOT } from "../scenario/package-root.ts";
import { type CaseResult, isGood } from "./run-cases.ts";

/** A known difference: of a case, or of some cases of a patch. */
export interface Deviation {
  readonly case?: string;
  readonly patch?: number;
  readonly reason: string;
  readonly link: string;
}

/** What is known of an implementation (fixtures/schema/deviations.schema.json). */
export interface Deviations {
  /** What it is: options of `kmc run` without their dashes. */
  readonly claim?: {
    readonly layer?: string;
    readonly patches?: string;
    readonly slips?: string;
    readonly remedies?: string;
    /** Bits of the generation in an MMIO SPTE. */
    readonly mmio_generation_bits?: number;
    /** How that is known. */
    readonly because?: string;
  };
  readonly deviations: readonly Deviation[];
}

/** A file of deviations that cannot be used. One sentence. */
export class DeviationsError extends Error {
  override readonly name = "DeviationsError";
}

export const DEVIATIONS_SCHEMA_FILE = "fixtures/schema/deviations.schema.json";

/** @throws DeviationsError */
export function parseDeviations(text: string, file: string): Deviations {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new DeviationsError(`${file} is not JSON: ${(error as Error).message}`);
  }
  const ajv = new Ajv2020({ validateSchema: false, allowUnionTypes: true });
  const validate = ajv.compile<Deviations>(read(DEVIATIONS_SCHEMA_FILE));
  if (validate(document)) return document;
  const { instancePath, message = "does not fit" } = validate.errors!.at(-1)!;
  throw new DeviationsError(`${file}, ${instancePath === "" ? "/" : instancePath}: ${message}`);
}

const read = (file: string): object =>
  JSON.parse(readFileSync(join(PACKAGE_ROOT, file), "utf8")) as object;

export interface WithDeviations {
  readonly results: readonly CaseResult[];
  /** Entries that explain nothing: no case of theirs deviates. */
  readonly unused: readonly Deviation[];
}

/** Marks what is known to deviate, and what is said to and does not. */
export function applyDeviations(
  results: readonly CaseResult[],
  { deviations }: Deviations,
): WithDeviations {
  const used = new Set<Deviation>();
  const marked = results.map((result): CaseResult => {
    const { scenario, verdict } = result;
    const entry =
      deviations.find((each) => each.case === scenario.id) ??
      deviations.find(({ patch }) => patch === scenario.patch);
    if (entry === undefined) return result;
    if (verdict === "fails") {
      used.add(entry);
      return { ...result, verdict: "deviates" };
    }
    if (entry.case === undefined) return result;
    used.add(entry);
    return isGood(verdict) ? { ...result, verdict: "unexpected-pass" } : result;
  });
  return { results: marked, unused: deviations.filter((entry) => !used.has(entry)) };
}

/**
 * Whether the chosen ones of all cases are all that a deviation is about. If all are chosen, they
 * are, even if it is about a case that is not there any more.
 */
export function isLookedAt(
  entry: Deviation,
  chosen: readonly Case[],
  all: readonly Case[],
): boolean {
  if (chosen.length === all.length) return true;
  const about = all.filter(({ id, patch }) =>
    entry.case === undefined ? patch === entry.patch : id === entry.case,
  );
  const ids = new Set(chosen.map(({ id }) => id));
  return about.length > 0 && about.every(({ id }) => ids.has(id));
}
