import type { Case, Step } from "../../src/scenario/case.generated.ts";
import { aCase } from "./a-case.ts";

const slot = (number: number, gpa: string, size: string, hva: string): Step => ({
  ...{ do: "set_memory_region", slot: number },
  ...{ gpa, size, hva },
});

const far: Step = { do: "access", vcpu: 0, gpa: "0x40000000" };

/** A slot is deleted; a page of another one was reached before, and is again. */
const afterDeletion = (outcome: "hit" | "mapped"): Step[] => [
  slot(1, "0x201000", "0x1000", "0x10000000"),
  slot(2, "0x40000000", "0x1000", "0x20000000"),
  { do: "create_vcpu" },
  far,
  slot(1, "0x201000", "0x0", "0x10000000"),
  { ...far, expect: { outcome } },
];

/** True from patch 11 on: the deletion of one slot leaves the others alone. */
export const otherSlotStays: Case = aCase({
  id: "p11.small.other-slot-stays",
  title: "Deleting one slot leaves the pages of another",
  steps: afterDeletion("hit"),
});

/** True before patch 11 only. */
export const otherSlotGoes: Case = aCase({
  id: "p11.small.other-slot-goes",
  title: "Deleting one slot drops the pages of another",
  steps: afterDeletion("mapped"),
});

/** True everywhere: RAM that is there is reached. */
export const ramIsReached: Case = aCase({
  ...{ id: "all.small.ram-is-reached", title: "RAM that is there is reached", patch: 0 },
  ...{ proof: "invariant", layers: { from: 0, to: 27 } },
  steps: [
    slot(1, "0x0", "0x10000", "0x10000000"),
    { do: "create_vcpu" },
    { do: "access", vcpu: 0, gpa: "0x5000", expect: { outcome: "mapped", hva: "0x10005000" } },
  ],
});
