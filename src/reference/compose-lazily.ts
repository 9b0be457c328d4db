import { BASE, composeSet, type Runnable } from "./compose.ts";
import { errata } from "./errata/index.ts";
import { patches } from "./layers/index.ts";
import { absent, type OperationName, type Operations } from "./operations.ts";
import type { Erratum, PartId, Patch } from "./patch.ts";

/** Whether a composition has a patch or an erratum. */
export type Has = (part: PartId) => boolean;

/**
 * A composition that asks what it is made of only when that matters: whether a patch or an erratum is
 * in is asked when an operation runs that it changes. The same answer is due each time; the patches
 * that are in must be a closed set, or a run ends in a `ModelBug`.
 */
export function composeLazily(has: Has): Runnable {
  const changes = new Map<Part, Partial<Operations>>();
  const changesOf = (part: Part, depth: number): Partial<Operations> => {
    let known = changes.get(part);
    if (known === undefined) {
      changes.set(part, (known = part.apply(lazyTable(resolver(depth)), has)));
    }
    return known;
  };
  /** What an operation is with the first parts of all. */
  const resolver =
    (depth: number) =>
    (name: OperationName): unknown => {
      for (let i = depth - 1; i >= 0; i--) {
        const part = PARTS[i]!;
        if (!part.touches.has(name) || !part.isIn(has)) continue;
        if (part.removes.has(name)) return absent(name, `patch ${part.id} removes it`);
        const changed = changesOf(part, i);
        if (name in changed) return changed[name];
      }
      return BASE.ops[name];
    };
  return {
    ops: lazyTable(resolver(PARTS.length)),
    get order() {
      return composeSet(patches.map(({ number }) => number).filter(has)).order;
    },
  };
}

/** A patch or an erratum, as what it does to a table of operations. */
interface Part {
  readonly id: PartId;
  /** The operations that it may change. */
  readonly touches: ReadonlySet<string>;
  readonly removes: ReadonlySet<string>;
  readonly isIn: (has: Has) => boolean;
  readonly apply: Patch["apply"];
}

function partOfPatch({ number, removes = [], apply }: Patch): Part {
  const touches = new Set([...touchedBy(apply), ...removes]);
  return { id: number, touches, removes: new Set(removes), isIn: (has) => has(number), apply };
}

const partOfErratum = ({ id, affects, apply }: Erratum): Part => ({
  ...{ id, touches: touchedBy(apply), removes: new Set(), apply },
  isIn: (has) => has(id) && affects(has, { has }),
});

/** What is changed may depend on what else is there. */
const touchedBy = (apply: Patch["apply"]): Set<string> =>
  new Set([true, false].flatMap((answer) => Object.keys(apply(BASE.ops, () => answer))));

/** In the order in which they are applied. */
const PARTS: readonly Part[] = [...patches.map(partOfPatch), ...errata.map(partOfErratum)];

const NAMES = Object.keys(BASE.ops) as OperationName[];

/** Operations that are looked up when they are first used. */
class LazyTable {
  readonly resolve: (name: OperationName) => unknown;

  constructor(resolve: (name: OperationName) => unknown) {
    this.resolve = resolve;
  }

  static {
    for (const name of NAMES) {
      Object.defineProperty(this.prototype, name, {
        get(this: LazyTable) {
          const value = this.resolve(name);
          Object.defineProperty(this, name, { value });
          return value;
        },
      });
    }
  }
}

const lazyTable = (resolve: (name: OperationName) => unknown): Operations =>
  new LazyTable(resolve) as unknown as Operations;
