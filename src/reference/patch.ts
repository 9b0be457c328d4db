import type { OperationName, Operations } from "./operations.ts";

/**
 * How the effect of a patch shows: through scenarios, in generations or SPTE bits, in declared
 * facts, not at all (it must be indistinguishable from the layer below), in trace text, or in
 * documentation.
 */
export type PatchKind = "behaviour" | "encoding" | "interface" | "refactor" | "trace" | "docs";

/** A patch is a function from the operations below it to its own. */
export interface Patch {
  /** 1 to 27, the position in the series. */
  readonly number: number;
  /** The subject line. */
  readonly title: string;
  readonly kinds: readonly PatchKind[];
  /** Commit in torvalds/linux, where known. */
  readonly commit?: string;
  /** Patches that this one needs to mean anything, each with the reason. */
  readonly requires: Readonly<Record<number, string>>;
  /** Operations that are gone; to call one is a `ModelBug`. */
  readonly removes?: readonly OperationName[];
  /** New or moved operations and the one they come before, in the order of the kernel's files. */
  readonly place?: Readonly<Partial<Record<OperationName, OperationName>>>;
  /**
   * What changes; everything else stays the very same object as below.
   * @param has whether a patch is in the composition, for what is adapted when one is left out.
   */
  readonly apply: (below: Operations, has: (patch: number) => boolean) => Partial<Operations>;
}

export const patch = (definition: Patch): Patch => definition;

/** The names of the eight errata. */
export type ErratumId = "E1" | "E2" | "E3" | "E4" | "E5" | "E6" | "E7" | "E8";

/** A patch by its number, or an erratum. */
export type PartId = number | ErratumId;

/**
 * A slip puts a defect of the merged code in; a remedy mends a hazard that the series leaves open.
 * Either is an override on top of a composition.
 */
export interface Erratum {
  readonly id: ErratumId;
  readonly kind: "slip" | "gap";
  /** One line: what is wrong. */
  readonly title: string;
  /** Whether a set of patches is affected by the defect, under the given profile of slips. */
  readonly affects: (
    has: (patch: number) => boolean,
    slips: Pick<ReadonlySet<ErratumId>, "has">,
  ) => boolean;
  /** The override: the defect (slip) or its mending (gap). */
  readonly apply: (below: Operations, has: (patch: number) => boolean) => Partial<Operations>;
}

export const erratum = (definition: Erratum): Erratum => definition;
