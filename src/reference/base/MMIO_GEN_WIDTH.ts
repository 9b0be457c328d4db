/**
 * Width in bits of the type that MMIO generations are passed in: unsigned int. Changed by patch 05
 * (u64).
 */
export const MMIO_GEN_WIDTH: 32 | 64 = 32;
