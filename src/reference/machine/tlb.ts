import { pagesAtLevel, PT_MAX_HUGEPAGE_LEVEL } from "./constants.ts";
import { SparseNumbers } from "./sparse-numbers.ts";

/** A translation that a vCPU has used and may use again until a flush reaches it. */
export interface Translation {
  /** Frame of the 4K page at the address. */
  readonly frame: number;
  readonly writable: boolean;
}

/** A vCPU's TLB: nothing leaves it before a flush, so a missing flush shows whenever it can. */
export class Tlb {
  /** By mapping level: page number at that level → 1 + 2 * first frame + writable. */
  readonly #levels = [new SparseNumbers(), new SparseNumbers(), new SparseNumbers()];

  /** @param page page number (4K) of the address. */
  lookup(page: number): Translation | null {
    for (let level = 1; level <= PT_MAX_HUGEPAGE_LEVEL; level++) {
      const entries = this.#levels[level - 1]!;
      if (entries.untouched) continue;
      const size = pagesAtLevel(level);
      const entry = entries.get(Math.floor(page / size));
      if (entry !== 0) {
        return { frame: Math.floor((entry - 1) / 2) + (page % size), writable: entry % 2 === 0 };
      }
    }
    return null;
  }

  /** @param frame first frame of the mapping at that level. */
  fill(page: number, level: number, frame: number, writable: boolean): void {
    const entries = this.#levels[level - 1]!;
    entries.set(Math.floor(page / pagesAtLevel(level)), 1 + 2 * frame + (writable ? 1 : 0));
  }

  /** Drops the translation of one page (INVLPG). */
  drop(page: number): void {
    this.#levels.forEach((entries, i) => {
      entries.set(Math.floor(page / pagesAtLevel(i + 1)), 0);
    });
  }

  flush(): void {
    for (const entries of this.#levels) if (!entries.untouched) entries.clear();
  }

  /** All translations: page number, level, first frame, writable. */
  *entries(): Generator<{ page: number; level: number; frame: number; writable: boolean }> {
    for (const [i, entries] of this.#levels.entries()) {
      for (const [index, entry] of entries.entries()) {
        yield {
          page: index * pagesAtLevel(i + 1),
          level: i + 1,
          frame: Math.floor((entry - 1) / 2),
          writable: entry % 2 === 0,
        };
      }
    }
  }
}
