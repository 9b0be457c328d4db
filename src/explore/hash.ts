/**
 * A fingerprint of numbers in order: 53 bits from two independent 32-bit mixes. Two states of a
 * search with n states share one by accident with a probability of about n² / 2^54.
 */
export class Hash {
  #a = 0x9e3779b9;
  #b = 0x7f4a7c15;

  /** @param value an integer, |value| < 2^53. */
  add(value: number): this {
    const low = value | 0;
    const high = (value / 0x1_0000_0000) | 0;
    this.#a = Math.imul(this.#a ^ low, 0x85ebca6b);
    this.#a = Math.imul(((this.#a << 13) | (this.#a >>> 19)) ^ high, 0xc2b2ae35);
    this.#b = Math.imul(this.#b ^ high, 0x27d4eb2f);
    this.#b = Math.imul(((this.#b << 15) | (this.#b >>> 17)) ^ low, 0x165667b1);
    return this;
  }

  /** @param value unsigned, 64 bits. */
  add64(value: bigint): this {
    return this.add(Number(value & 0xffff_ffffn)).add(Number(value >> 32n));
  }

  addText(text: string): this {
    for (let i = 0; i < text.length; i++) this.add(text.charCodeAt(i));
    return this.add(text.length);
  }

  get value(): number {
    const a = Math.imul(this.#a ^ (this.#a >>> 15), 0x2c1b3c6d);
    const b = Math.imul(this.#b ^ (this.#b >>> 13), 0x297a2d39);
    return ((a ^ (b >>> 16)) >>> 0) * 0x20_0000 + ((b ^ (a >>> 12)) & 0x1f_ffff);
  }
}
