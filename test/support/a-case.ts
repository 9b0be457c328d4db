import type { Case, Step } from "../../src/scenario/case.generated.ts";

/** A valid case to change: patch 11, true from there on, with one vCPU. */
export function aCase(changes: Partial<Case> = {}): Case {
  return {
    id: "p11.small.case",
    title: "A small case that is true",
    why: "It is as small as a case can be, so that a test may change what it is about.",
    patch: 11,
    function: "kvm_mmu_invalidate_zap_pages_in_memslot",
    proof: "layer",
    layers: { from: 11, to: 27 },
    profile: "both",
    machine: {},
    steps: [{ do: "create_vcpu" }],
    ...changes,
  };
}

/** A case with one vCPU, then these steps. */
export const aCaseThat = (...steps: Step[]): Case =>
  aCase({ steps: [{ do: "create_vcpu" }, ...steps] });

/** A slot of RAM: `npages` pages from gpa 0 on. */
export const ram = (npages: number, slot = 1): Step => ({
  do: "set_memory_region",
  slot,
  gpa: "0x0",
  size: `0x${(npages * 0x1000).toString(16)}`,
  hva: "0x10000000",
});
