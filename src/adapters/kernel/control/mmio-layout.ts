import { bits } from "../../../reference/machine/u64.ts";

/** A field of bits in an MMIO SPTE. */
interface BitRange {
  readonly low: number;
  readonly width: number;
}

/** Where the number of an MMIO SPTE stands in it: in two fields. */
export interface MmioLayout {
  readonly low: BitRange;
  readonly high: BitRange;
  /** With E1 the lower bits are put into both fields, and what is read from both is joined. */
  readonly hasSlip: boolean;
}

/** The series; since v5.6; 6.1 and 6.12; 7.3. */
const PLACES = [
  { low: { low: 3, width: 9 }, high: { low: 52, width: 10 } },
  { low: { low: 3, width: 9 }, high: { low: 54, width: 9 } },
  { low: { low: 3, width: 8 }, high: { low: 52, width: 11 } },
  { low: { low: 3, width: 7 }, high: { low: 52, width: 11 } },
];

const LAYOUTS: readonly MmioLayout[] = PLACES.flatMap((places) => [
  { ...places, hasSlip: false },
  { ...places, hasSlip: true },
]);

const maskOf = ({ low, width }: BitRange): bigint => bits(low + width - 1, low);

/** How many bits of a number an MMIO SPTE has. */
export const widthOf = ({ low, high }: MmioLayout): number => low.width + high.width;

/** The bits of an MMIO SPTE that a number sets. */
export function spread({ low, high, hasSlip }: MmioLayout, number: bigint): bigint {
  const upper = hasSlip ? number : number >> BigInt(low.width);
  return ((number << BigInt(low.low)) & maskOf(low)) | ((upper << BigInt(high.low)) & maskOf(high));
}

/** The number that the kernel reads out of an MMIO SPTE. */
export function numberIn({ low, high, hasSlip }: MmioLayout, spte: bigint): bigint {
  const lower = (spte & maskOf(low)) >> BigInt(low.low);
  const upper = (spte & maskOf(high)) >> BigInt(high.low);
  return lower | (hasSlip ? upper : upper << BigInt(low.width));
}

/** The layout in which two numbers differ by those bits; null if none that is known does. */
export const layoutBy = (one: bigint, other: bigint, difference: bigint): MmioLayout | null =>
  LAYOUTS.find((layout) => (spread(layout, one) ^ spread(layout, other)) === difference) ?? null;
