import type { Kvm } from "../../reference/machine/kvm.ts";
import type { Row } from "../row.ts";
import { counterRows } from "./counters.ts";
import { memslotRows } from "./memslots.ts";
import { pendingRows } from "./pending.ts";
import { treeRows } from "./tree.ts";
import { vcpuRows } from "./vcpus.ts";

/** The panels that show a machine, in the order in which they stand. */
export const PANELS = {
  memslots: { title: "Memslots and generations", rowsOf: memslotRows },
  tree: { title: "Shadow pages", rowsOf: treeRows },
  vcpus: { title: "vCPUs: roots, MMIO caches, TLBs", rowsOf: vcpuRows },
  pending: { title: "Pending flushes, locks", rowsOf: pendingRows },
  counters: { title: "Counters", rowsOf: counterRows },
} as const satisfies Record<string, { title: string; rowsOf: (kvm: Kvm) => Row[] }>;

export type PanelName = keyof typeof PANELS;

export const PANEL_NAMES = Object.keys(PANELS) as PanelName[];
