import { beforeAll, describe, expect, test } from "vitest";
import { composeMutant } from "../../src/conformance/mutants.ts";
import { type Composition, composeThrough } from "../../src/reference/compose.ts";
import { Kvm } from "../../src/reference/machine/kvm.ts";
import { machineParameters } from "../../src/reference/machine/machine.ts";
import { runToEnd } from "../../src/reference/machine/thread.ts";
import { mutants08 } from "../../src/reference/mutants/08-flag-in-bit-63.ts";
import { describeSuite } from "../support/describe-suite.ts";
import {
  differingValues,
  FIELD_VALUES,
  type FieldTable,
  fieldTable,
  misplacedValues,
  spiltValues,
  valuesNotBackAs,
} from "../support/generation-field.ts";

/** The first value that erratum E1 loses, and how many come back before it. */
const E1_FIRST_LOST = 1024;

const mutant = (name: string): Composition =>
  composeMutant(mutants08.find(({ id }) => id === `p08.${name}`)!);

/** The generations below `end` at which the wrap check drops pages. */
function wraps({ ops }: Composition, end: number): number[] {
  const found: number[] = [];
  let generation = 0;
  const zapForMmioWrap = function* (): Generator<never, void, void> {
    found.push(generation);
  };
  const kvm = new Kvm(machineParameters(), { ...ops, zapForMmioWrap });
  for (; generation < end; generation++) {
    runToEnd(kvm.ops.kvm_mmu_invalidate_mmio_sptes(kvm, BigInt(generation)));
  }
  return found;
}

describeSuite(8, () => {
  describe("over all 2^19 values of the generation field, at bits 0-18 of a generation", () => {
    describe("as promised", () => {
      let below: FieldTable;
      beforeAll(() => {
        below = fieldTable(composeThrough(7), 1n);
      });

      describe.each([8, 27])("layer %i", (layer) => {
        let table: FieldTable;
        beforeAll(() => {
          table = fieldTable(composeThrough(layer), 0n);
        });

        test("each value comes back from an entry", () => {
          expect(valuesNotBackAs(table)).toEqual([]);
        });

        test("each value stands in SPTE bits 3-11 and 52-61 as promised, and in no other bit", () => {
          expect(misplacedValues(table)).toEqual([]);
          expect(spiltValues(table)).toEqual([]);
        });

        test("each value stands where layer 7 puts it, one bit lower in the generation", () => {
          expect(differingValues(table, below)).toEqual([]);
        });

        test("the wrap check drops pages at the first two numbers of a round and at no other", () => {
          const found = wraps(composeThrough(layer), FIELD_VALUES + 4);
          expect(found).toEqual([0, 1, FIELD_VALUES, FIELD_VALUES + 1]);
        });
      });
    });

    describe("with slip E1", () => {
      const slips = { slips: ["E1"] } as const;
      let below: FieldTable;
      beforeAll(() => {
        below = fieldTable(composeThrough(7, slips), 1n);
      });

      describe.each([8, 27])("layer %i", (layer) => {
        let table: FieldTable;
        beforeAll(() => {
          table = fieldTable(composeThrough(layer, slips), 0n);
        });

        test("the values from 1024 on do not come back, and no others", () => {
          const lost = valuesNotBackAs(table);
          expect(lost.length).toBe(FIELD_VALUES - E1_FIRST_LOST);
          expect(lost[0]).toBe(E1_FIRST_LOST);
        });

        test("what comes back are the lowest ten bits", () => {
          expect(valuesNotBackAs(table, (value) => value % E1_FIRST_LOST)).toEqual([]);
        });

        test("no value reaches other bits than SPTE bits 3-11 and 52-61", () => {
          expect(spiltValues(table)).toEqual([]);
        });

        test("each value stands where layer 7 with the slip puts it", () => {
          expect(differingValues(table, below)).toEqual([]);
        });
      });
    });

    test("each of these properties fails on a mutant", () => {
      const shifted = fieldTable(mutant("shift-left-as-it-was"), 0n, 4);
      expect(valuesNotBackAs(shifted)[0]).toBe(1);
      expect(misplacedValues(shifted)[0]).toBe(1);
      expect(differingValues(shifted, fieldTable(composeThrough(7), 1n, 4))[0]).toBe(1);
      expect(wraps(mutant("wrap-check-left-as-it-was"), 4)).toEqual([0, 1, 2, 3]);
    });
  });
});
