import { PT64_ENT_PER_PAGE } from "./constants.ts";

const TWO_TO_20 = 2 ** 20;

/**
 * The 512 entries of a shadow page, 64 bits each. Entries are held as two 32-bit halves: a fault
 * reads and writes several, and number arithmetic on halves is an order of magnitude faster than on
 * bigints.
 */
export class PageTable {
  readonly #halves = new Uint32Array(2 * PT64_ENT_PER_PAGE);

  /** Bits 0-31 of an entry. */
  low(index: number): number {
    return this.#halves[2 * index]!;
  }

  /** Bits 32-63 of an entry. */
  high(index: number): number {
    return this.#halves[2 * index + 1]!;
  }

  isZero(index: number): boolean {
    return this.low(index) === 0 && this.high(index) === 0;
  }

  /** The page frame number in an entry: bits 12-51. */
  frame(index: number): number {
    return (this.high(index) & 0xfffff) * TWO_TO_20 + (this.low(index) >>> 12);
  }

  set(index: number, low: number, high: number): void {
    this.#halves[2 * index] = low;
    this.#halves[2 * index + 1] = high;
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

  /** The whole entry. */
  raw(index: number): bigint {
    return (BigInt(this.high(index)) << 32n) | BigInt(this.low(index));
  }

  setRaw(index: number, entry: bigint): void {
    this.set(index, Number(entry & 0xffff_ffffn), Number(entry >> 32n));
  }
}
