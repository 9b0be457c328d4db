import { KernelBug } from "./failures.ts";
import { SparseNumbers } from "./sparse-numbers.ts";

const SEVERAL = -1;

/** The mapping levels, 1 to 3, by what they map. */
export const SIZES = ["4K", "2M", "1G"] as const;

/**
 * The reverse map of one mapping level of one memslot: for every gfn of that level, the leaf SPTEs
 * that map it (pointers as of `pointerTo`). Nearly all gfns have none or one; the others are held
 * aside.
 */
export class Rmap {
  readonly level: number;
  /** How many gfns of the level it was made for. */
  readonly length: number;
  readonly #single = new SparseNumbers();
  readonly #several = new Map<number, number[]>();

  constructor(level: number, length: number) {
    this.level = level;
    this.length = length;
  }

  /** @returns how many there were before. @throws KernelBug when the index lies beyond the array. */
  add(index: number, pointer: number): number {
    checkIndex("rmap", this, index);
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

  /**
   * @throws KernelBug when the entry is not there: rmap and page table disagree; or when the index
   * lies beyond the array.
   */
  remove(index: number, pointer: number): void {
    const rest = this.pointers(index).filter((other) => other !== pointer);
    if (rest.length === this.pointers(index).length) {
      throw new KernelBug(`rmap of index ${index} does not hold SPTE ${pointer}`);
    }
    this.#several.delete(index);
    this.#single.set(index, 0);
    for (const other of rest) this.add(index, other);
  }

  /** Some SPTE that maps the gfn, or 0. @throws KernelBug when the index lies beyond the array. */
  first(index: number): number {
    checkIndex("rmap", this, index);
    const value = this.#single.get(index);
    return value === SEVERAL ? this.pointers(index)[0]! : value;
  }

  /** @throws KernelBug when the index lies beyond the array. */
  pointers(index: number): readonly number[] {
    checkIndex("rmap", this, index);
    const value = this.#single.get(index);
    if (value === SEVERAL) return this.#several.get(index)!;
    return value === 0 ? [] : [value];
  }

  /** Indices that are mapped, ascending. */
  *mapped(): Generator<number> {
    for (const [index] of this.#single.entries()) yield index;
  }
}

/** What lies beyond an array is somebody else's memory, and is taken for pointers and counts. */
export function checkIndex(
  name: string,
  { level, length }: { readonly level: number; readonly length: number },
  index: number,
): void {
  if (index >= 0 && index < length) return;
  const array = `the ${name} of ${SIZES[level - 1]!} pages`;
  throw new KernelBug(
    `index ${index} lies beyond ${array}, which has ${length}: it was made before the slot moved`,
  );
}
