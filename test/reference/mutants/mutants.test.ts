import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";
import { composeThrough } from "../../../src/reference/compose.ts";
import { patches } from "../../../src/reference/layers/index.ts";
import { mutants } from "../../../src/reference/mutants/index.ts";
import { type Mutant, mutantsOf, without } from "../../../src/reference/mutants/mutant.ts";
import type { OperationName } from "../../../src/reference/operations.ts";

/** What differs between a patch and a mutant of it: operations, or "order". */
function differences(mutant: Mutant): string[] {
  const right = composeThrough(mutant.patch);
  const wrong = composeThrough(mutant.patch, { overrides: [mutant] });
  const names = Object.keys(right.ops).filter((name) => {
    const [one, other] = [right.ops[name as OperationName], wrong.ops[name as OperationName]];
    return !isDeepStrictEqual(one, other);
  });
  return isDeepStrictEqual(right.order, wrong.order) ? names : [...names, "order"];
}

const [INDEX] = [patches.map(({ number }) => number)];

describe("the mutants", () => {
  test("have ids of their own", () => {
    expect(new Set(mutants.map(({ id }) => id)).size).toBe(mutants.length);
  });

  test("are named after their patch, which exists", () => {
    for (const { id, patch } of mutants) {
      expect(INDEX).toContain(patch);
      expect(id).toMatch(new RegExp(`^p${String(patch).padStart(2, "0")}\\.[a-z0-9-]+$`));
    }
  });

  test("say in one line what is wrong, each of a patch something else", () => {
    const said = mutants.map(({ patch, title }) => `${patch} ${title}`);
    expect(new Set(said).size).toBe(mutants.length);
    for (const { title } of mutants) expect(title).toMatch(/^[^\n]{10,120}$/);
  });

  test("every patch has some, in the order of the series", () => {
    expect([...new Set(mutants.map(({ patch }) => patch))]).toEqual(INDEX);
  });

  test.each(mutants)("$id differs from the patch", (mutant) => {
    expect(differences(mutant)).not.toEqual([]);
  });

  test.each(mutants)("$id changes only operations that the kernel has", (mutant) => {
    const { ops } = composeThrough(mutant.patch);
    const below = composeThrough(mutant.patch - 1).ops;
    for (const name of Object.keys(mutant.apply(ops, below))) expect(ops).toHaveProperty(name);
  });
});

describe("to leave hunks of a patch out", () => {
  const [mutant] = mutantsOf(11, {
    "left-out": { title: "nothing", apply: without("kvm_mmu_invalidate_zap_pages_in_memslot") },
  });

  test("keeps these operations as they were below", () => {
    expect(mutant).toMatchObject({ id: "p11.left-out", patch: 11, title: "nothing" });
    expect(differences(mutant!)).toEqual(["kvm_mmu_invalidate_zap_pages_in_memslot"]);
    const { ops } = composeThrough(11, { overrides: [mutant!] });
    const handler = "kvm_mmu_invalidate_zap_pages_in_memslot";
    expect(ops[handler]).toBe(composeThrough(10).ops[handler]);
  });

  test("of what it does not touch is no mutant: the test above would say so", () => {
    const same = { ...mutant!, apply: without("walkPages") };
    expect(differences(same)).toEqual([]);
  });
});
