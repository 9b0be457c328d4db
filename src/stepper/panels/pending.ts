import type { Kvm } from "../../reference/machine/kvm.ts";
import { type Row, row } from "../row.ts";

/** Flushes that are owed, pages that are to be freed, locks and those who wait. */
export function pendingRows(kvm: Kvm): Row[] {
  let zapped = 0;
  for (const sp of kvm.allPages) if (sp.link.list !== kvm.active_mmu_pages) zapped++;
  const flush = kvm.unflushed
    ? "TLB flush owed: entries were cleared since the last one"
    : "no TLB flush owed";
  const { held, waiters } = kvm.mmu_lock;
  const waiting = waiters === 0 ? "" : `, ${waiters} waiting`;
  const { sections, synchronizing } = kvm.srcu;
  return [
    row("unflushed", flush, { stale: kvm.unflushed }),
    ...(kvm.tlbs_dirty ? [row("dirty", "TLBs dirty: a flush was left to the guest")] : []),
    row("zapped", `zapped and not freed: ${zapped} ${zapped === 1 ? "page" : "pages"}`),
    row("mmu_lock", `mmu_lock: ${held ? "held" : "free"}${waiting}`),
    row("slots_lock", `slots_lock: ${kvm.slots_lock ? "held" : "free"}`),
    row(
      "srcu",
      `SRCU: ${sections.length} in a read section, ` +
        `${synchronizing.length} waiting for readers to leave`,
    ),
    row("notifier", `pages that the host is taking back: ${kvm.mmu_notifier_count}`),
  ];
}
