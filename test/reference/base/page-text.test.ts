import { describe, expect, test } from "vitest";
import { composeThrough } from "../../../src/reference/compose.ts";
import type { PageState } from "../../../src/reference/machine/events.ts";

const LEAF: PageState = {
  ...{ id: 9, gfn: 0xc80, level: 1, direct: true, access: 7, smm: false },
  ...{ invalid: false, root_count: 0, unsync: false, mmu_valid_gen: 0x1f },
};

const text = (layer: number, changes: Partial<PageState> = {}): string =>
  composeThrough(layer).ops.KVM_MMU_PAGE_PRINTK({ ...LEAF, ...changes });

describe("a shadow page in a tracepoint", () => {
  test.each([0, 19])("begins with its generation at layer %i", (layer) => {
    expect(text(layer)).toBe("sp gen 1f gfn c80 l1 q0 direct wux !nxe ad root 0 sync");
  });

  test.each([20, 27])("has none from patch 20 on: layer %i", (layer) => {
    expect(text(layer)).toBe("sp gfn c80 l1 q0 direct wux !nxe ad root 0 sync");
  });

  test("says what it is and in what state", () => {
    const root = { direct: false, level: 4, invalid: true, root_count: 2, unsync: true };
    expect(text(27, root)).toBe("sp gfn c80 l4 pae q0 wux invalid !nxe ad root 2 unsync");
  });

  test.each([
    [0, "---"],
    [1, "--x"],
    [2, "w--"],
    [3, "w-x"],
    [4, "-u-"],
    [5, "-ux"],
    [6, "wu-"],
    [7, "wux"],
  ])("grants %i: %s", (access, word) => {
    expect(text(27, { access })).toContain(` direct ${word} !nxe`);
  });
});
