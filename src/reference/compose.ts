import { base } from "./base/index.ts";
import { CompositionError } from "./composition-error.ts";
import { errata, GAPS, SLIPS } from "./errata/index.ts";
import { patches as allPatches } from "./layers/index.ts";
import {
  absent,
  isAbsent,
  type IntroducedOperations,
  type OperationName,
  type Operations,
} from "./operations.ts";
import type { Erratum, ErratumId, Patch } from "./patch.ts";

/** The last layer: all patches. */
export const LAST_LAYER = allPatches.length;

/** What runs: a set of patches with errata, and the operations that they make. */
export interface Composition {
  /** Ascending. */
  readonly patches: readonly number[];
  readonly slips: readonly ErratumId[];
  readonly remedies: readonly ErratumId[];
  readonly ops: Operations;
  /** The operations in the order of the kernel's files, absent ones left out. */
  readonly order: readonly OperationName[];
  /** Where each operation comes from: a patch number, an erratum, or 0 for the base. */
  readonly origin: ReadonlyMap<OperationName, number | ErratumId>;
}

/** What it takes to run a composition. */
export type Runnable = Pick<Composition, "ops" | "order">;

export interface CompositionOptions {
  /** Defects of the merged code to put in. Ids that do not affect the patches change nothing. */
  readonly slips?: readonly ErratumId[];
  /** Gaps to mend. */
  readonly remedies?: readonly ErratumId[];
  /** Overrides on top of everything, for mutants. */
  readonly overrides?: readonly Override[];
}

export interface LayerOptions extends CompositionOptions {
  /** Patches of the layer that are left out. */
  readonly without?: readonly number[];
}

/** Replaces operations right after a patch has been applied. */
export interface Override {
  readonly patch: number;
  /** @param ops the patch's own table; @param below the table that the patch was applied to. */
  readonly apply: (ops: Operations, below: Operations) => Partial<Operations>;
  /** Moves operations once more, as `place` of a patch does. */
  readonly place?: Patch["place"];
}

/** Layer n: the base with patches 1 to n, or all of them but some. @throws CompositionError */
export function composeThrough(
  layer: number,
  { without = [], ...options }: LayerOptions = {},
): Composition {
  if (!Number.isInteger(layer) || layer < 0 || layer > LAST_LAYER) {
    throw new CompositionError(`there is no layer ${layer}; layers go from 0 to ${LAST_LAYER}`);
  }
  const numbers = allPatches.slice(0, layer).map(({ number }) => number);
  return composeSet(
    numbers.filter((number) => !without.includes(number)),
    options,
  );
}

/** The base with a set of patches, in the order of the series. @throws CompositionError */
export function composeSet(
  numbers: Iterable<number>,
  options: CompositionOptions = {},
): Composition {
  const set = new Set(numbers);
  const has = (patch: number): boolean => set.has(patch);
  const patches = closedSet(set);
  const slips = new Set(knownIds(options.slips ?? [], SLIPS, "slip"));
  const remedies = new Set(knownIds(options.remedies ?? [], GAPS, "remedy"));

  let table = BASE;
  for (const patch of patches) {
    const below = table.ops;
    table = patched(table, patch, has);
    for (const override of options.overrides ?? []) {
      if (override.patch !== patch.number) continue;
      table = changed(table, patch.number, override.apply(table.ops, below), override.place);
    }
  }
  const active = errata.filter(
    (erratum) => (slips.has(erratum.id) || remedies.has(erratum.id)) && erratum.affects(has, slips),
  );
  for (const erratum of active) table = changed(table, erratum.id, erratum.apply(table.ops, has));
  const kept = (kind: Erratum["kind"]): ErratumId[] =>
    active.filter((erratum) => erratum.kind === kind).map(({ id }) => id);
  return {
    patches: patches.map(({ number }) => number),
    slips: kept("slip"),
    remedies: kept("gap"),
    ...finished(table),
  };
}

/**
 * The patches of a set in order. @throws CompositionError naming the patch that is missing and why
 * it is needed.
 */
function closedSet(set: ReadonlySet<number>): Patch[] {
  for (const number of set) {
    if (!allPatches.some((patch) => patch.number === number)) {
      throw new CompositionError(`there is no patch ${number}; patches go from 1 to ${LAST_LAYER}`);
    }
  }
  const patches = allPatches.filter(({ number }) => set.has(number));
  for (const { number, requires } of patches) {
    for (const [needed, why] of Object.entries(requires)) {
      if (!set.has(Number(needed))) {
        throw new CompositionError(
          `patch ${number} needs patch ${needed}, which is left out: ${why}`,
        );
      }
    }
  }
  return patches;
}

function knownIds(
  ids: readonly ErratumId[],
  known: readonly ErratumId[],
  what: string,
): readonly ErratumId[] {
  const unknown = ids.find((id) => !known.includes(id));
  if (unknown === undefined) return ids;
  throw new CompositionError(`there is no ${what} ${unknown}; there are ${known.join(", ")}`);
}

/** Placeholders for what patches introduce. */
const NOT_YET: IntroducedOperations = Object.fromEntries(
  [
    "MMIO_SPTE_GEN_SHIFT",
    "kvm_mmu_remote_flush_or_zap",
    "kvm_mmu_zap_mmio_sptes",
    "kvm_mmu_zap_all",
    "__kvm_mmu_prepare_zap_page",
    "__kvm_mmu_zap_all",
  ].map((name) => [name, absent(name, "no patch of this composition introduces it")]),
) as never;

/** The table in the making; never changed in place. */
export interface Table {
  readonly ops: Operations;
  readonly order: readonly OperationName[];
  readonly origin: ReadonlyMap<OperationName, number | ErratumId>;
}

/** Before the first patch. */
export const BASE: Table = {
  ops: { ...base, ...NOT_YET },
  order: Object.keys(base) as OperationName[],
  origin: new Map(),
};

const patchedTables = new WeakMap<Table, Map<Patch, Table>>();

/**
 * A table with a patch applied; made once, so that layers share every function that a patch leaves
 * alone.
 */
function patched(below: Table, patch: Patch, has: (patch: number) => boolean): Table {
  const known = patchedTables.get(below) ?? new Map<Patch, Table>();
  patchedTables.set(below, known);
  let table = known.get(patch);
  if (table === undefined) {
    const removed = (patch.removes ?? []).map((name) => [
      name,
      absent(name, `patch ${patch.number} removes it`),
    ]);
    const changes = { ...patch.apply(below.ops, has), ...(Object.fromEntries(removed) as object) };
    table = changed(below, patch.number, changes, patch.place);
    known.set(patch, table);
  }
  return table;
}

/** A table with some operations replaced and some moved. */
function changed(
  { ops, order, origin }: Table,
  by: number | ErratumId,
  changes: Partial<Operations>,
  place: Patch["place"] = {},
): Table {
  const names = Object.keys(changes) as OperationName[];
  return {
    ops: { ...ops, ...changes },
    order: placed(order, place),
    origin: new Map([...origin, ...names.map((name) => [name, by] as const)]),
  };
}

/** Puts operations before others. */
function placed(
  order: readonly OperationName[],
  place: NonNullable<Patch["place"]>,
): OperationName[] {
  let result = [...order];
  for (const [name, before] of Object.entries(place) as [OperationName, OperationName][]) {
    result = result.filter((other) => other !== name);
    result.splice(result.indexOf(before), 0, name);
  }
  return result;
}

function finished({ ops, order, origin }: Table): Pick<Composition, "ops" | "order" | "origin"> {
  const present = order.filter((name) => !isAbsent(ops[name]));
  return {
    ops,
    order: present,
    origin: new Map(present.map((name) => [name, origin.get(name) ?? 0])),
  };
}
