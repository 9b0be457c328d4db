import { describe, expect, test } from "vitest";
import { composeMutant, killsOf } from "../../src/conformance/mutants.ts";
import { composeThrough } from "../../src/reference/compose.ts";
import { KernelBug } from "../../src/reference/machine/failures.ts";
import { type Mutant, without } from "../../src/reference/mutants/mutant.ts";
import type { Case } from "../../src/scenario/case.generated.ts";
import { otherSlotGoes, otherSlotStays, ramIsReached } from "../support/small-cases.ts";

const ZAP = "kvm_mmu_invalidate_zap_pages_in_memslot";

/** Patch 11 that has forgotten what it is for. */
const forgetful: Mutant = {
  ...{ id: "p11.forgetful", patch: 11, title: "zaps everything, as before" },
  apply: without(ZAP),
};

/** Patch 11 after which no slot can be set. */
const broken: Mutant = {
  ...{ id: "p11.broken", patch: 11, title: "breaks down at the first slot" },
  apply: () => ({
    install_new_memslots: () => {
      throw new KernelBug("it broke");
    },
  }),
};

test("a mutant stands in the place of its patch, with those before it and none after", () => {
  const { ops, patches, slips } = composeMutant(forgetful);
  const patch11 = composeThrough(11);
  expect(patches).toEqual(patch11.patches);
  expect(slips).toEqual([]);
  expect(ops[ZAP]).toBe(composeThrough(10).ops[ZAP]);
  expect(ops.kvm_mmu_remote_flush_or_zap).toBe(patch11.ops.kvm_mmu_remote_flush_or_zap);
});

describe("a mutant is killed", () => {
  test("by the cases of its patch that fail on it", () => {
    expect(killsOf(forgetful, [otherSlotStays, ramIsReached])).toEqual({
      mutant: forgetful,
      by: [otherSlotStays.id],
      alsoBy: [],
    });
  });

  test("also by those that hold at every layer, which are told apart", () => {
    expect(killsOf(broken, [otherSlotStays, ramIsReached])).toEqual({
      mutant: broken,
      by: [otherSlotStays.id],
      alsoBy: [ramIsReached.id],
    });
  });

  test("by nobody when no case fails on it", () => {
    expect(killsOf(forgetful, [ramIsReached, { ...ramIsReached, patch: 11 }])).toMatchObject({
      by: [],
      alsoBy: [],
    });
  });
});

describe("a case has no say", () => {
  const says = (changes: Partial<Case>): boolean =>
    killsOf(broken, [{ ...otherSlotStays, ...changes }]).by.length > 0;

  test("when it is of another patch, or does not hold on this one as promised", () => {
    expect(says({})).toBe(true);
    expect(says({ patch: 12 })).toBe(false);
    expect(says({ layers: { from: 12, to: 27 } })).toBe(false);
    expect(says({ profile: "merged" })).toBe(false);
    expect(says({ profile: "promised" })).toBe(true);
    expect(killsOf(broken, [{ ...otherSlotGoes, layers: { from: 0, to: 10 } }]).by).toEqual([]);
  });

  test("when it is of an erratum, unless it shows what is whole without a slip", () => {
    expect(says({ erratum: "E1", proof: "defect" })).toBe(false);
    expect(says({ erratum: "E2", proof: "mended" })).toBe(false);
    expect(says({ erratum: "E2", proof: "defect" })).toBe(false);
    expect(says({ erratum: "E1", proof: "mended" })).toBe(true);
  });
});
