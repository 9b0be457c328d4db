import { BASE, type Runnable } from "../reference/compose.ts";
import type { OperationName, Operations } from "../reference/operations.ts";
import type { Case } from "../scenario/case.generated.ts";
import { holds } from "./holds.ts";

/** A run that there was: what it used of its composition, and how it ended. */
interface Run {
  readonly composition: Runnable;
  readonly used: readonly OperationName[];
  readonly order: boolean;
  readonly holds: boolean;
}

const runs = new WeakMap<Case, Run[]>();

/**
 * Whether a case holds, as `holds` says; played once for all compositions that have the same of
 * every operation that it uses. A patch makes each function once, so layers above share it.
 */
export function holdsAsBefore(scenario: Case, composition: Runnable): boolean {
  let known = runs.get(scenario);
  if (known === undefined) runs.set(scenario, (known = []));
  const before = known.find((run) => isSame(run, composition));
  if (before !== undefined) return before.holds;
  const watched = new Watched(composition);
  const run = { composition, holds: holds(scenario, watched), used: watched.used() };
  known.push({ ...run, order: watched.orderIsUsed });
  return run.holds;
}

const isSame = ({ composition, used, order }: Run, other: Runnable): boolean =>
  used.every((name) => composition.ops[name] === other.ops[name]) &&
  (!order || composition.order === other.order);

/** A composition that knows what of it was used. */
class Watched implements Runnable {
  readonly ops: Operations;
  orderIsUsed = false;
  readonly #composition: Runnable;

  constructor(composition: Runnable) {
    this.#composition = composition;
    this.ops = new WatchedTable(composition.ops) as unknown as Operations;
  }

  get order(): readonly OperationName[] {
    this.orderIsUsed = true;
    return this.#composition.order;
  }

  used(): OperationName[] {
    const { used } = this.ops as unknown as WatchedTable;
    return NAMES.filter((_, place) => used[place] !== 0);
  }
}

const NAMES = Object.keys(BASE.ops) as OperationName[];

/** All tables of operations have the same names. */
class WatchedTable {
  readonly table: Operations;
  readonly used = new Uint8Array(NAMES.length);

  constructor(table: Operations) {
    this.table = table;
  }

  static {
    NAMES.forEach((name, place) => {
      Object.defineProperty(this.prototype, name, {
        get(this: WatchedTable) {
          this.used[place] = 1;
          return this.table[name];
        },
      });
    });
  }
}
