import { expect, test } from "vitest";
import {
  layoutBy,
  numberIn,
  spread,
  widthOf,
} from "../../../../src/adapters/kernel/control/mmio-layout.ts";

/** By the numbers of the kernels: the two fields of an MMIO SPTE that differ from 2 to 0x3fe. */
const KERNELS = [
  { kernel: "v5.1 as promised", difference: 0x0010_0000_0000_0fe0n, width: 19 },
  { kernel: "v5.1 with E1", difference: 0x3fc0_0000_0000_0fe0n, width: 19 },
  { kernel: "v5.6", difference: 0x0040_0000_0000_0fe0n, width: 18 },
  { kernel: "6.1", difference: 0x0030_0000_0000_07e0n, width: 19 },
  { kernel: "7.3", difference: 0x0070_0000_0000_03e0n, width: 18 },
];

test.each(KERNELS)("of $kernel is known by two numbers", ({ difference, width }) => {
  const layout = layoutBy(2n, 0x3fen, difference)!;
  expect(widthOf(layout)).toBe(width);
  if (layout.hasSlip) return;
  for (const number of [0n, 2n, 0x3fen, 0x2_aaaan, 2n ** BigInt(width) - 1n]) {
    expect(numberIn(layout, spread(layout, number) | 7n)).toBe(number);
  }
});

test("with E1 the lower bits stand twice, and what is read is joined", () => {
  const layout = layoutBy(2n, 0x3fen, KERNELS[1]!.difference)!;
  expect(layout.hasSlip).toBe(true);
  // The entry that was measured after 512 installs: 0x1bb stands in one field, 0x3bb in the other.
  expect(numberIn(layout, 0x7bb8_00f8_0020_0ddfn).toString(16)).toBe("3bb");
});

test("another one is not guessed", () => {
  expect(layoutBy(2n, 0x3fen, 0x3fcn)).toBe(null);
});
