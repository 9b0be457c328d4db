/** Unsigned 64-bit arithmetic: generations and raw page table entries are `bigint`s modulo 2^64. */

/** @param value any integer; @returns it modulo 2^64. */
export const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);

/** The inclusive bit range `low..high` of a 64-bit word, as a mask (the kernel's GENMASK_ULL). */
export const bits = (high: number, low: number): bigint =>
  ((1n << BigInt(high - low + 1)) - 1n) << BigInt(low);
