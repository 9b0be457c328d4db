/**
 * Where the code is that the guest runs (guest/stub.h): what concerns it is left out of what is
 * reported.
 */

const GPA = 0x80_0000_0000n;
const GPA_32 = 0xfffe_0000n;
const GVA = 0xffff_ff80_0000_0000n;
const SIZE = 0x6000n;

/** Whether a page fault at that address is about the guest's code, or the tables that lead there. */
export const isStubAddress = (address: bigint): boolean =>
  [GPA, GPA_32, GVA].some((first) => address >= first && address - first < SIZE);

/** The gfn from which on there is nothing else. */
const FIRST_GFN = Number(GPA >> 12n);
/** The shadow page of level 1 that maps the code of a guest of 32 bits. */
const GFN_32 = Number(GPA_32 >> 12n) & ~0x1ff;

/** Whether a shadow page maps nothing but the guest's code. */
export const isStubPage = (gfn: number, level: number): boolean =>
  gfn >= FIRST_GFN || (gfn === GFN_32 && level === 1);
