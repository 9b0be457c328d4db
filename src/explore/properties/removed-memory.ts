import { hex } from "../../adapters/record.ts";
import { PAGE_SIZE } from "../../reference/machine/constants.ts";
import type { Kvm } from "../../reference/machine/kvm.ts";
import { hostPage, type Memslot, visible } from "../../reference/machine/memslots.ts";
import { is_last_spte, spte_to_pfn } from "../../reference/machine/spte.ts";
import type { Property } from "../property.ts";

/** After a DELETE or a MOVE returned, no entry and no TLB leads to what only that slot gave. */
export const removedMemory: Property = {
  id: "removed",
  title: "Memory of a slot that was removed is out of reach when the call returns",
  watch: ({ kvm, threads }) => {
    const slots = kvm.memslots.flatMap((set, as) => set.slots.map((slot) => ({ as, slot })));
    const removed = new Map<string, Memslot>();
    return {
      after: ({ thread: id, ended, touched }) => {
        const { steps, operations, results } = threads[id]!;
        for (let operation = operations - ended; operation < operations; operation++) {
          const step = steps[operation % steps.length]!;
          if (step.do !== "set_memory_region" || results[operation]?.["result"] !== "ok") continue;
          const known = slots.find(
            ({ as, slot }) => as === (step.as ?? 0) && slot.id === step.slot,
          );
          if (known === undefined || known.slot.base_gfn === Number(step.gpa) / PAGE_SIZE) {
            if (Number(step.size) > 0) continue;
          }
          if (known !== undefined) removed.set(`${known.as}:${known.slot.id}`, known.slot);
        }
        if (removed.size === 0 || touched === 0) return null;
        return reachable(kvm, [...removed.values()]);
      },
      remember: (hash) => hash.add(removed.size),
    };
  },
};

function reachable(kvm: Kvm, removed: readonly Memslot[]): { sentence: string } | null {
  const isRemoved = (frame: number): boolean => {
    const page = kvm.host.ownerOf(frame);
    if (page === null || !removed.some((slot) => holds(slot, page))) return false;
    return !kvm.memslots.some(({ slots }) =>
      slots.some((slot) => visible(slot) !== null && holds(slot, page)),
    );
  };
  for (const { id, tlb, requests, roots } of kvm.vcpus) {
    if (requests.has("MMU_RELOAD") || requests.has("TLB_FLUSH") || roots === null) continue;
    for (const { page, frame } of tlb.entries()) {
      if (isRemoved(frame)) {
        return { sentence: `The TLB of vCPU ${id} still leads from gfn ${hex(page)} to the slot` };
      }
    }
  }
  for (const sp of kvm.active_mmu_pages.newestFirst()) {
    if (sp.invalid) continue;
    const found: number[] = [];
    sp.spt.forEachNonZero((index) => {
      if (!kvm.masks.is_shadow_present_pte(sp, index) || !is_last_spte(sp, index)) return;
      if (isRemoved(spte_to_pfn(sp, index))) found.push(index);
    });
    if (found.length > 0) {
      const where = `entry ${found[0]} of the table of gfn ${hex(sp.gfn)}`;
      return { sentence: `The ${where} still leads to the slot's memory` };
    }
  }
  return null;
}

const holds = (slot: Memslot, page: number): boolean => {
  const first = hostPage(slot, slot.base_gfn);
  return page >= first && page < first + slot.npages;
};
