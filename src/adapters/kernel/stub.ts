/**
 * Where the code is that the guest runs (guest/stub.h): what concerns it is left out of what is
 * reported.
 */

/** Its id, in each address space. */
export const STUB_SLOT = 500;

const GPA = 0x80_0000_0000n;
const GPA_32 = 0xffe0_0000n;
const GVA = 0xffff_ff80_0000_0000n;
const SIZE = 0x6000n;

/** Whether a page fault at that address is about the guest's code, or the tables that lead there. */
export const isStubAddress = (address: bigint): boolean =>
  [GPA, GPA_32, GVA].some((first) => address >= first && address - first < SIZE);

/** The gfn from which on there is nothing else. */
const FIRST_GFN = Number(GPA >> 12n);
/** The first one of the slot where a guest of 32 bits can reach it, and how many there are. */
const FIRST_GFN_32 = Number(GPA_32 >> 12n);
const PAGES = Number(SIZE >> 12n);

/**
 * Whether a shadow page maps nothing but the guest's code, or shadows one of the tables that lead
 * there.
 */
export const isStubPage = (gfn: number): boolean =>
  gfn >= FIRST_GFN || (gfn >= FIRST_GFN_32 && gfn < FIRST_GFN_32 + PAGES);
