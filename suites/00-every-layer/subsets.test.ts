import fc from "fast-check";
import { expect, test } from "vitest";
import { holds } from "../../src/conformance/holds.ts";
import { type Composition, composeSet } from "../../src/reference/compose.ts";
import { kvm_mmu_commit_zap_page } from "../../src/reference/kernel/free.ts";
import { patches } from "../../src/reference/layers/index.ts";
import type { Kvm } from "../../src/reference/machine/kvm.ts";
import type { PageList } from "../../src/reference/machine/page-list.ts";
import { loadCases } from "../../src/scenario/load-cases.ts";
import { describeReference } from "../support/against.ts";
import { check } from "../support/property.ts";

const invariants = loadCases().filter(({ patch, erratum }) => patch === 0 && erratum === undefined);
const numbers = patches.map(({ number }) => number);

/** Sets of patches that leave out none that another of them needs. */
const closedSets = fc.subarray(numbers).map((chosen) => {
  const closed = new Set<number>();
  const add = (number: number): void => {
    if (closed.has(number)) return;
    closed.add(number);
    Object.keys(patches[number - 1]!.requires).forEach((needed) => {
      add(Number(needed));
    });
  };
  chosen.forEach(add);
  return [...closed].sort((a, b) => a - b);
});

function everyInvariantHolds(compose: (set: readonly number[]) => Composition): void {
  check(closedSets, 60, (set) => {
    const composition = compose(set);
    const broken = invariants.filter((scenario) => !holds(scenario, composition));
    expect(broken.map(({ id }) => id)).toEqual([]);
  });
}

describeReference("what holds at every layer holds for any patches that compose", () => {
  test("random closed sets of patches", () => {
    everyInvariantHolds((set) => composeSet(set));
  });

  test("and the check can fail: one patch of the set that forgets to flush", () => {
    const apply = () => ({
      kvm_mmu_remote_flush_or_zap(kvm: Kvm, invalid_list: PageList): boolean {
        kvm_mmu_commit_zap_page(kvm, invalid_list);
        return true;
      },
    });
    expect(() => {
      everyInvariantHolds((set) => composeSet(set, { overrides: [{ patch: 11, apply }] }));
    }).toThrow("Counterexample: [[9,10,11]]");
  });
});
