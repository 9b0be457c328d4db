import { hex } from "../../adapters/record.ts";
import { mmio_info_in_cache } from "../../reference/kernel/mmio-cache.ts";
import { rootFor, tableIndex } from "../../reference/kernel/walk.ts";
import { PAGE_SIZE } from "../../reference/machine/constants.ts";
import type { Kvm } from "../../reference/machine/kvm.ts";
import { is_last_spte, spte_to_pfn } from "../../reference/machine/spte.ts";
import type { Vcpu } from "../../reference/machine/vcpu.ts";
import { type Row, row } from "../row.ts";
import { hostText, pageBehind } from "./names.ts";

/** Most translations of one vCPU. */
const MAX_TRANSLATIONS = 48;

/** What each vCPU has: roots, requests, its MMIO cache, its TLB. */
export const vcpuRows = (kvm: Kvm): Row[] => kvm.vcpus.flatMap(rowsOf);

function rowsOf(vcpu: Vcpu): Row[] {
  const { id, smm, cr3, roots, requests } = vcpu;
  const key = `vcpu${id}`;
  const loaded =
    roots === null ? "no root loaded" : `root gfn ${roots.map(({ gfn }) => hex(gfn)).join(", ")}`;
  const parts = [
    `vCPU ${id}: ${loaded}`,
    ...(smm ? ["in SMM"] : []),
    ...(cr3 === null ? [] : [`cr3 ${hex(cr3)}`]),
  ];
  const wanted = [...requests].sort().join(", ");
  return [
    row(key, parts.join(", ")),
    ...(wanted === "" ? [] : [row(`${key}.requests`, `requested: ${wanted}`, { depth: 1 })]),
    cacheRow(vcpu, `${key}.cache`),
    ...tlbRows(vcpu, `${key}.tlb`),
  ];
}

function cacheRow(vcpu: Vcpu, key: string): Row {
  const { gva, gfn, generation } = vcpu.cache;
  if (gva === 0 && gfn === 0) return row(key, "MMIO cache: empty", { depth: 1 });
  const matches = mmio_info_in_cache(vcpu, vcpu.direct_map ? gfn * PAGE_SIZE : gva);
  const place = vcpu.direct_map ? `gfn ${hex(gfn)}` : `gva ${hex(gva)}, gfn ${hex(gfn)}`;
  const text = `MMIO cache: ${place}, generation ${hex(generation)}`;
  return row(key, `${text}, ${matches ? "would answer" : "would not answer"}`, {
    depth: 1,
    stale: !matches,
  });
}

function tlbRows(vcpu: Vcpu, key: string): Row[] {
  const translations = [...vcpu.tlb.entries()];
  if (translations.length === 0) return [row(key, "TLB: empty", { depth: 1 })];
  const rows = translations.slice(0, MAX_TRANSLATIONS).map(({ page, level, frame, writable }) => {
    const size = ["", "", ", 2M", ", 1G"][level] ?? "";
    const gone = !isInTables(vcpu, page, frame);
    const text =
      `TLB: page ${hex(page)} → ${hostText(vcpu.kvm, frame)}${size}` +
      `${writable ? "" : ", read-only"}${gone ? ", gone from the tables" : ""}`;
    return row(`${key}.${page.toString(16)}.${level}`, text, { depth: 1, stale: gone });
  });
  const more = translations.length - rows.length;
  if (more > 0) rows.push(row(`${key}.more`, `TLB: ${more} more`, { depth: 1 }));
  return rows;
}

/** Whether the tables still translate a page to a frame. */
function isInTables(vcpu: Vcpu, page: number, frame: number): boolean {
  const { kvm } = vcpu;
  let sp = rootFor(vcpu, page);
  while (sp !== null) {
    const index = tableIndex(page, sp.role.level);
    if (!kvm.masks.is_shadow_present_pte(sp, index)) return false;
    if (is_last_spte(sp, index)) return spte_to_pfn(sp, index) === frame;
    sp = pageBehind(kvm, spte_to_pfn(sp, index));
  }
  return false;
}
