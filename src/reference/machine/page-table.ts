import { PT64_ENT_PER_PAGE } from "./constants.ts";

const TWO_TO_20 = 2 ** 20;
const RUN_SHIFT = 5;
const RUN = 1 << RUN_SHIFT;
/** Copied for each new run: faster than to fill one. */
const EMPTY_RUN = new Array<number>(2 * RUN).fill(0);

/**
 * The 512 entries of a shadow page, 64 bits each. Entries are held as two 32-bit halves: a fault
 * reads and writes several, and number arithmetic on halves is an order of magnitude faster than on
 * bigints.
 */
export class PageTable {
  /** Runs of entries; a run that was never written is not there: most tables hold few entries. */
  readonly #runs = new Array<number[] | undefined>(PT64_ENT_PER_PAGE / RUN);

  /** Bits 0-31 of an entry. */
  low(index: number): number {
    const run = this.#runs[index >> RUN_SHIFT];
    return run === undefined ? 0 : run[2 * (index % RUN)]! >>> 0;
  }

  /** Bits 32-63 of an entry. */
  high(index: number): number {
    const run = this.#runs[index >> RUN_SHIFT];
    return run === undefined ? 0 : run[2 * (index % RUN) + 1]! >>> 0;
  }

  isZero(index: number): boolean {
    return this.low(index) === 0 && this.high(index) === 0;
  }

  /** The page frame number in an entry: bits 12-51. */
  frame(index: number): number {
    return (this.high(index) & 0xfffff) * TWO_TO_20 + (this.low(index) >>> 12);
  }

  set(index: number, low: number, high: number): void {
    const run = (this.#runs[index >> RUN_SHIFT] ??= EMPTY_RUN.slice());
    run[2 * (index % RUN)] = low | 0;
    run[2 * (index % RUN) + 1] = high | 0;
  }

  /**
   * Stores a frame number in bits 12-51 together with flag bits 0-11 (`low`) and 52-63 (`high`).
   */
  setFrame(index: number, frame: number, low: number, high: number): void {
    this.set(index, ((frame % TWO_TO_20) << 12) | low, Math.floor(frame / TWO_TO_20) | high);
  }

  clear(index: number): void {
    this.set(index, 0, 0);
  }

  /** Visits the entries that are not zero, by ascending index, as two 32-bit halves. */
  forEachNonZero(visit: (index: number, low: number, high: number) => void): void {
    for (let index = 0; index < PT64_ENT_PER_PAGE; index++) {
      if (this.#runs[index >> RUN_SHIFT] === undefined) index += RUN - 1;
      else if (!this.isZero(index)) visit(index, this.low(index), this.high(index));
    }
  }

  /** The whole entry. */
  raw(index: number): bigint {
    return (BigInt(this.high(index)) << 32n) | BigInt(this.low(index));
  }

  setRaw(index: number, entry: bigint): void {
    this.set(index, Number(entry & 0xffff_ffffn), Number(entry >> 32n));
  }
}
