import { patch } from "../patch.ts";

export const u64Generations = patch({
  number: 5,
  title: "KVM: x86: Use a u64 when passing the MMIO gen around",
  kinds: ["interface", "refactor"],
  requires: {},
  apply: () => ({ MMIO_GEN_WIDTH: 64 }),
});
