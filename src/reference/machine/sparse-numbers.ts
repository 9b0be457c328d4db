const CHUNK = 64;
/** Copied for each new chunk: faster than to fill one. */
const EMPTY_CHUNK = new Array<number>(CHUNK).fill(0);

/**
 * Numbers by index over a huge range, zero where never set; memory goes with what is set, in runs
 * of 64.
 */
export class SparseNumbers {
  readonly #chunks = new Map<number, number[]>();

  get(index: number): number {
    const chunk = this.#chunks.get(Math.floor(index / CHUNK));
    return chunk === undefined ? 0 : (chunk[index % CHUNK] ?? 0);
  }

  set(index: number, value: number): void {
    const key = Math.floor(index / CHUNK);
    let chunk = this.#chunks.get(key);
    if (chunk === undefined) {
      if (value === 0) return;
      chunk = EMPTY_CHUNK.slice();
      this.#chunks.set(key, chunk);
    }
    chunk[index % CHUNK] = value;
  }

  clear(): void {
    this.#chunks.clear();
  }

  /** Whether nothing was set since creation or the last `clear`. */
  get untouched(): boolean {
    return this.#chunks.size === 0;
  }

  /** Index and value of all that is not zero, by ascending index. */
  *entries(): Generator<[index: number, value: number]> {
    for (const key of [...this.#chunks.keys()].sort((a, b) => a - b)) {
      const chunk = this.#chunks.get(key) ?? [];
      for (let i = 0; i < chunk.length; i++) {
        const value = chunk[i];
        if (value !== undefined && value !== 0) yield [key * CHUNK + i, value];
      }
    }
  }
}
