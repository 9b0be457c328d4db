import { hex } from "../../adapters/record.ts";
import {
  KVM_MEM_LOG_DIRTY_PAGES,
  KVM_MEM_READONLY,
  KVM_MEMSLOT_INVALID,
} from "../../reference/machine/constants.ts";
import type { Kvm } from "../../reference/machine/kvm.ts";
import type { Memslot } from "../../reference/machine/memslots.ts";
import { type Row, row } from "../row.ts";
import { generationText, range } from "./names.ts";

/** The published slots of each address space, and their generations. */
export function memslotRows(kvm: Kvm): Row[] {
  return kvm.memslots.flatMap(({ generation, slots }, as) => {
    const inFlux = (generation & kvm.ops.KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS) !== 0n;
    const space = as === 0 ? "address space 0" : "address space 1 (SMM)";
    const head = `${space}: generation ${generationText(kvm, as)}${inFlux ? ", in flux" : ""}`;
    return [row(`as${as}`, head), ...slots.map((slot) => slotRow(as, slot))];
  });
}

function slotRow(as: number, slot: Memslot): Row {
  const { id, base_gfn, npages, userspace_addr, flags } = slot;
  const invalid = (flags & KVM_MEMSLOT_INVALID) !== 0;
  const parts = [
    `slot ${id}: gfn ${range(base_gfn, npages)} → hva ${hex(userspace_addr)}`,
    ...(invalid ? ["INVALID"] : []),
    ...(flags & KVM_MEM_READONLY ? ["read-only"] : []),
    ...(flags & KVM_MEM_LOG_DIRTY_PAGES ? ["logs dirty pages"] : []),
  ];
  return row(`as${as}.slot${id}`, parts.join(", "), { depth: 1, stale: invalid });
}
