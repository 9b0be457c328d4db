import { printWithoutGeneration } from "../base/KVM_MMU_PAGE_PRINTK.ts";
import { patch } from "../patch.ts";

export const noValidGenInTracepoints = patch({
  number: 20,
  title: 'Revert "KVM: MMU: show mmu_valid_gen in shadow page related tracepoints"',
  kinds: ["trace"],
  commit: "b59c4830ca185ba0e9f9e046fb1cd10a4a92627a",
  requires: {},
  apply: (below) => ({
    KVM_MMU_PAGE_PRINTK: (page) => `sp ${printWithoutGeneration(page)}`,
    tracepoints: Object.fromEntries(
      Object.entries(below.tracepoints).map(([name, fields]) => [
        name,
        fields.includes("root_count")
          ? fields.filter((field) => field !== "mmu_valid_gen")
          : fields,
      ]),
    ),
  }),
});
