import { KernelBug } from "./failures.ts";
import { SparseNumbers } from "./sparse-numbers.ts";

const SEVERAL = -1;

/**
 * The reverse map of one mapping level of one memslot: for every gfn of that level, the leaf SPTEs
 * that map it (pointers as of `pointerTo`). Nearly all gfns have none or one; the others are held
 * aside.
 */
export class Rmap {
  readonly #single = new SparseNumbers();
  readonly #several = new Map<number, number[]>();

  /** @returns how many there were before. */
  add(index: number, pointer: number): number {
    const old = this.#single.get(index);
    if (old === 0) {
      this.#single.set(index, pointer);
      return 0;
    }
    if (old === SEVERAL) return this.#several.get(index)!.push(pointer) - 1;
    this.#several.set(index, [old, pointer]);
    this.#single.set(index, SEVERAL);
    return 1;
  }

  /** @throws KernelBug when the entry is not there: rmap and page table disagree. */
  remove(index: number, pointer: number): void {
    const rest = this.pointers(index).filter((other) => other !== pointer);
    if (rest.length === this.pointers(index).length) {
      throw new KernelBug(`rmap of index ${index} does not hold SPTE ${pointer}`);
    }
    this.#several.delete(index);
    this.#single.set(index, 0);
    for (const other of rest) this.add(index, other);
  }

  /** Some SPTE that maps the gfn, or 0. */
  first(index: number): number {
    const value = this.#single.get(index);
    return value === SEVERAL ? this.pointers(index)[0]! : value;
  }

  pointers(index: number): readonly number[] {
    const value = this.#single.get(index);
    if (value === SEVERAL) return this.#several.get(index)!;
    return value === 0 ? [] : [value];
  }

  /** Indices that are mapped, ascending. */
  *mapped(): Generator<number> {
    for (const [index] of this.#single.entries()) yield index;
  }
}
