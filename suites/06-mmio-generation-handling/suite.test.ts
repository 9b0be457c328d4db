import { beforeAll, describe, expect, test } from "vitest";
import { composeMutant } from "../../src/conformance/mutants.ts";
import { composeThrough } from "../../src/reference/compose.ts";
import { mutants06 } from "../../src/reference/mutants/06-mmio-generation-handling.ts";
import { describeSuite } from "../support/describe-suite.ts";
import {
  FIELD_VALUES,
  type FieldTable,
  fieldTable,
  misplacedValues,
  spiltValues,
  valuesNotBackAs,
} from "../support/generation-field.ts";

/** The first value that erratum E1 loses, and how many come back before it. */
const E1_FIRST_LOST = 1024;

/** The table of a mutant, as far as it takes to tell it apart. */
const mutantTable = (name: string): FieldTable => {
  const mutant = mutants06.find(({ id }) => id === `p06.${name}`)!;
  return fieldTable(composeMutant(mutant), 1n, 2 * E1_FIRST_LOST);
};

describeSuite(6, () => {
  describe("over all 2^19 values of the generation field, at bits 1-19 of a generation", () => {
    describe.each([5, 6, 7])("layer %i as promised", (layer) => {
      let table: FieldTable;
      beforeAll(() => {
        table = fieldTable(composeThrough(layer), 1n);
      });

      test("each value comes back from an entry", () => {
        expect(valuesNotBackAs(table)).toEqual([]);
      });

      test("each value stands in SPTE bits 3-11 and 52-61 as promised, and in no other bit", () => {
        expect(misplacedValues(table)).toEqual([]);
        expect(spiltValues(table)).toEqual([]);
      });
    });

    describe.each([6, 7])("layer %i with slip E1", (layer) => {
      let table: FieldTable;
      beforeAll(() => {
        table = fieldTable(composeThrough(layer, { slips: ["E1"] }), 1n);
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
    });

    test("each of these properties fails on a mutant", () => {
      expect(valuesNotBackAs(mutantTable("upper-half-from-the-wrong-bits"))[0]).toBe(1024);
      expect(misplacedValues(mutantTable("lower-half-one-bit-shorter"))[0]).toBe(256);
      expect(spiltValues(mutantTable("upper-half-one-bit-lower"))[0]).toBe(512);
    });
  });
});
