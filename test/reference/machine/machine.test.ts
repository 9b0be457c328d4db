import { describe, expect, test } from "vitest";
import {
  DEFAULT_MACHINE,
  type MachineParameters,
  machineParameters,
} from "../../../src/reference/machine/machine.ts";

const INTEGERS: readonly [
  name: "addressSpaces" | "physicalAddressWidth" | "mmioGenerationBits" | "hostPageLevel",
  low: number,
  high: number,
][] = [
  ["addressSpaces", 1, 2],
  ["physicalAddressWidth", 36, 52],
  ["mmioGenerationBits", 2, 19],
  ["hostPageLevel", 1, 3],
];
const BUDGET = ["pageBudget", 64, 2_147_483_647] as const;

const given = (name: string, value: unknown): Partial<MachineParameters> => ({ [name]: value });

describe("machineParameters", () => {
  test("completes what is left out with the default machine", () => {
    expect(machineParameters()).toEqual(DEFAULT_MACHINE);
    expect(machineParameters({ paging: "ept", preempt: true })).toEqual({
      ...DEFAULT_MACHINE,
      paging: "ept",
      preempt: true,
    });
  });

  test("the default machine is an ordinary one: two address spaces, all of the field, NPT", () => {
    expect(DEFAULT_MACHINE).toMatchObject({
      addressSpaces: 2,
      mmioGenerationBits: 19,
      paging: "npt",
      preempt: false,
      pageBudget: null,
      architecture: "x86",
    });
  });

  describe.each([...INTEGERS, BUDGET])("%s", (name, low, high) => {
    test.each([low, high])("may be %d", (value) => {
      expect(machineParameters(given(name, value))[name]).toBe(value);
    });

    test.each([low - 1, high + 1, low + 0.5, String(low), true])("must not be %j", (value) => {
      const shown = JSON.stringify(value);
      expect(() => machineParameters(given(name, value))).toThrow(
        new RangeError(
          `machine parameter ${name} is ${shown}; expected an integer from ${low} to ${high}`,
        ),
      );
    });
  });

  test("a budget of null is no budget", () => {
    expect(machineParameters({ pageBudget: null }).pageBudget).toBeNull();
  });
});
