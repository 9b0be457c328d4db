import type { Composition } from "../../src/reference/compose.ts";
import { Kvm } from "../../src/reference/machine/kvm.ts";
import { machineParameters } from "../../src/reference/machine/machine.ts";

/** Values of the generation field in an MMIO SPTE: 19 bits. */
export const FIELD_VALUES = 2 ** 19;

/** An MMIO SPTE of a real kernel with its generation taken out: NPT, 40 address bits, gfn 0x200. */
const ENTRY = 0x400800f800200007n;

/**
 * What becomes of every value of the field. Both lists are by value, two 32-bit halves each, the
 * lower one first.
 */
export interface FieldTable {
  readonly values: number;
  /** The value as it stands in an entry. */
  readonly raw: Uint32Array;
  /** The value that is read back from the entry, its other bits around it. */
  readonly back: Uint32Array;
}

/**
 * Encodes and decodes every value of the field, or the first ones.
 * @param shift how far the field stands above bit 0 of a generation: 1 before patch 08, then 0
 */
export function fieldTable(
  { ops }: Composition,
  shift: 0n | 1n,
  values: number = FIELD_VALUES,
): FieldTable {
  const kvm = new Kvm(machineParameters(), ops);
  const raw = new BigUint64Array(values);
  const back = new BigUint64Array(values);
  for (let value = 0; value < values; value++) {
    const encoded = ops.generation_mmio_spte_mask(kvm, BigInt(value) << shift);
    raw[value] = encoded;
    back[value] = ops.get_mmio_spte_generation(kvm, ENTRY | encoded) >> shift;
  }
  return { values, raw: new Uint32Array(raw.buffer), back: new Uint32Array(back.buffer) };
}

/** The values for which something is true of a table. */
function valuesWhere({ values }: FieldTable, holds: (value: number) => boolean): number[] {
  const found: number[] = [];
  for (let value = 0; value < values; value++) if (holds(value)) found.push(value);
  return found;
}

/** The values that come back as another than `expected` says: themselves, if it is left out. */
export const valuesNotBackAs = (
  table: FieldTable,
  expected: (value: number) => number = (value) => value,
): number[] =>
  valuesWhere(
    table,
    (value) => table.back[2 * value] !== expected(value) || table.back[2 * value + 1] !== 0,
  );

/**
 * The values that are not where they were promised: nine bits from SPTE bit 3, the other ten from
 * bit 52.
 */
export const misplacedValues = (table: FieldTable): number[] =>
  valuesWhere(
    table,
    (value) =>
      table.raw[2 * value] !== (value & 0x1ff) << 3 ||
      table.raw[2 * value + 1] !== (value >>> 9) << 20,
  );

/** The values of which something lands outside SPTE bits 3-11 and 52-61. */
export const spiltValues = (table: FieldTable): number[] =>
  valuesWhere(
    table,
    (value) =>
      (table.raw[2 * value]! & ~(0x1ff << 3)) !== 0 ||
      (table.raw[2 * value + 1]! & ~(0x3ff << 20)) !== 0,
  );

/** The values that two tables encode differently. */
export const differingValues = (one: FieldTable, other: FieldTable): number[] =>
  valuesWhere(
    one,
    (value) =>
      one.raw[2 * value] !== other.raw[2 * value] ||
      one.raw[2 * value + 1] !== other.raw[2 * value + 1],
  );
