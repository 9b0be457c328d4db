import type { WireEvent } from "../adapters/record.ts";

/** An event in few words, for people: `zap gfn 0xc1000, level 1, direct; returned 1`. */
export function eventWords(event: WireEvent): string {
  const word = WORDS[event.event];
  return word === undefined ? event.event : word(event);
}

type Words = (event: WireEvent) => string;

const WORDS: Readonly<Record<string, Words>> = {
  "memslots.published": (e) => `published (as ${v(e, "as")}), generation ${v(e, "generation")}`,
  "memslots.synchronized": (e) => `old readers are gone (as ${v(e, "as")})`,
  "memslots.generation": (e) => `generation of as ${v(e, "as")} is now ${v(e, "generation")}`,
  "memslots.arch-updated": (e) =>
    `hook gets ${v(e, "generation")}; readers see ${[e["as0"], e["as1"]].filter(Boolean).join(", ")}`,
  mark_mmio_spte: (e) =>
    `MMIO SPTE for gfn ${v(e, "gfn")}, generation ${v(e, "generation")}: ${v(e, "raw")}`,
  check_mmio_spte: (e) =>
    `generation now ${v(e, "kvm_gen")}, in the SPTE ${v(e, "spte_gen")}: ` +
    (e["valid"] === true ? "valid" : "not valid"),
  handle_mmio_page_fault: (e) => `MMIO SPTE found for gfn ${v(e, "gfn")}: emulate`,
  "cache.fill": (e) =>
    `vCPU ${v(e, "vcpu")} caches gfn ${v(e, "gfn")}, generation ${v(e, "generation")}`,
  "cache.hit": (e) => `cache of vCPU ${v(e, "vcpu")} answers for gfn ${v(e, "gfn")}`,
  page_fault: (e) => `vCPU ${v(e, "vcpu")} faults at ${v(e, "address")}`,
  get_page: (e) => `${e["created"] === true ? "new" : "found"} ${pageWords(e)}`,
  unsync_page: (e) => `may differ from its guest table: ${pageWords(e)}`,
  sync_page: (e) => `no longer unsync: ${pageWords(e)}`,
  prepare_zap: (e) => `zap ${pageWords(e)}; returns ${v(e, "returned")}`,
  commit: (e) => `commit of ${v(e, "pages")} zapped ${e["pages"] === 1 ? "page" : "pages"}`,
  free: (e) => `free ${pageWords(e)}`,
  remote_flush: (e) => `TLB flush on all vCPUs, asked by ${v(e, "reason")}`,
  local_flush: (e) => `TLB flush asked of vCPU ${v(e, "vcpu")}`,
  reload: () => "every vCPU is to load a new root",
  lock_break: () => "mmu_lock dropped and taken again",
  walk_restart: () => "the walk starts again",
  invalidate_zap_all_pages: (e) =>
    `every shadow page is obsolete, ${Number(e["used_pages"])} in use`,
  warn: () => "WARNING",
};

const v = (event: WireEvent, field: string): string => String(event[field]);

/** A shadow page: what it is, and what is special about it. */
function pageWords(page: WireEvent): string {
  const roots = Number(page["root_count"]);
  return [
    `gfn ${v(page, "gfn")}`,
    `level ${v(page, "level")}`,
    ...(page["direct"] === true ? [] : ["shadows a guest table"]),
    ...(page["smm"] === true ? ["SMM"] : []),
    ...(roots === 0 ? [] : [`root of ${roots}`]),
    ...(page["invalid"] === true ? ["invalid"] : []),
    ...(page["unsync"] === true ? ["unsync"] : []),
  ].join(", ");
}
