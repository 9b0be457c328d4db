import { hex } from "../../adapters/record.ts";
import { get_mmio_spte_gfn } from "../../reference/kernel/mmio-spte.ts";
import { ACC_ALL, PT64_ENT_PER_PAGE, pagesAtLevel } from "../../reference/machine/constants.ts";
import type { Kvm } from "../../reference/machine/kvm.ts";
import { kvm_mmu_page_get_gfn, type ShadowPage } from "../../reference/machine/shadow-page.ts";
import { is_last_spte, is_writable_pte, spte_to_pfn } from "../../reference/machine/spte.ts";
import { isAbsent } from "../../reference/operations.ts";
import { type Row, row } from "../row.ts";
import { hostText, range } from "./names.ts";

/** Most rows; of larger trees the beginning is shown. */
const MAX_ROWS = 240;

/** The shadow pages as a tree: those that nothing leads to, their entries, tables below them. */
export function treeRows(kvm: Kvm): Row[] {
  return new Tree(kvm).rows;
}

class Tree {
  readonly rows: Row[] = [];
  readonly #kvm: Kvm;
  readonly #seen = new Set<ShadowPage>();
  /** By frame. */
  readonly #pages: ReadonlyMap<number, ShadowPage>;
  readonly #keys = new Map<string, number>();

  constructor(kvm: Kvm) {
    this.#kvm = kvm;
    const pages = [...kvm.allPages].sort(byPlace);
    this.#pages = new Map(pages.map((sp) => [sp.frame, sp]));
    for (const sp of pages) if (sp.parent_ptes.length === 0) this.#page(sp, 0, "", null);
    for (const sp of pages) if (!this.#seen.has(sp)) this.#page(sp, 0, "", null);
    const left = this.rows.length - MAX_ROWS;
    if (left > 0) this.rows.splice(MAX_ROWS, left, row("more", `… and more that is not shown`));
  }

  get #isFull(): boolean {
    return this.rows.length > MAX_ROWS;
  }

  #page(sp: ShadowPage, depth: number, lead: string, link: Row["entry"]): void {
    const known = this.#seen.has(sp);
    this.#seen.add(sp);
    if (this.#isFull) return;
    const text = `${lead}${this.#pageText(sp)}${known ? " (see above)" : ""}`;
    const stale = sp.invalid || this.#isObsolete(sp);
    const key = this.#keyOf(sp);
    this.rows.push(row(key, text, { depth, entry: link, stale }));
    if (!known) this.#entries(sp, key, depth + 1);
  }

  /** Alike on both sides for the same page; the nth of its kind, if there are several. */
  #keyOf({ gfn, role }: ShadowPage): string {
    const { level, direct, access, smm } = role;
    const kind = `${level}.${gfn.toString(16)}${direct ? "" : "s"}${smm ? "m" : ""}.${access}`;
    const nth = (this.#keys.get(kind) ?? 0) + 1;
    this.#keys.set(kind, nth);
    return nth === 1 ? kind : `${kind}.${nth}`;
  }

  #pageText(sp: ShadowPage): string {
    const { level, direct, access, smm } = sp.role;
    const isActive = sp.link.list === this.#kvm.active_mmu_pages;
    const parts = [
      `level ${level} table, gfn ${hex(sp.gfn)}`,
      ...(direct ? [] : ["shadows a guest table"]),
      ...(smm ? ["SMM"] : []),
      ...(access === ACC_ALL ? [] : [`access ${access}`]),
      ...(sp.root_count === 0 ? [] : [`root of ${sp.root_count}`]),
      ...(isActive && sp.root_count === 0 && sp.parent_ptes.length === 0 ? ["no parent"] : []),
      ...(sp.invalid ? ["invalid"] : []),
      ...(this.#isObsolete(sp) ? ["obsolete"] : []),
      ...(sp.unsync ? ["unsync"] : []),
      ...(sp.mmio_cached ? ["mmio_cached"] : []),
      ...(isActive ? [] : ["zapped, not freed"]),
    ];
    return parts.join(", ");
  }

  #isObsolete(sp: ShadowPage): boolean {
    const { ops } = this.#kvm;
    return !isAbsent(ops.is_obsolete_sp) && ops.is_obsolete_sp(this.#kvm, sp);
  }

  #entries(sp: ShadowPage, table: string, depth: number): void {
    const used: number[] = [];
    sp.spt.forEachNonZero((index) => used.push(index));
    let next = 0;
    for (const index of used) {
      if (index < next || this.#isFull) continue;
      const entry = { raw: sp.spt.raw(index), level: sp.role.level };
      const key = `${table}/${index}`;
      if (this.#kvm.masks.is_mmio_spte(sp, index)) {
        this.rows.push(this.#mmio(sp, index, key, depth, entry));
      } else if (is_last_spte(sp, index)) {
        const length = this.#leaves(sp, index);
        const text = this.#leafText(sp, index, length);
        this.rows.push(row(key, text, { depth, entry }));
        next = index + length;
      } else {
        const below = this.#pages.get(spte_to_pfn(sp, index));
        if (below !== undefined) this.#page(below, depth, `[${index}] `, entry);
        else {
          const text = `[${index}] leads to a page that was freed`;
          this.rows.push(row(key, text, { depth, entry, stale: true }));
        }
      }
    }
  }

  #mmio(sp: ShadowPage, index: number, key: string, depth: number, entry: Row["entry"]): Row {
    const kvm = this.#kvm;
    const { raw } = entry!;
    const generation = kvm.ops.get_mmio_spte_generation(kvm, raw);
    const as = sp.role.smm ? kvm.memslots.length - 1 : 0;
    const now = kvm.memslots[as]!.generation & kvm.ops.MMIO_GEN_MASK(kvm);
    const stale = generation !== now;
    const relation = stale ? `; now ${hex(now)}` : ", current";
    const gfn = hex(get_mmio_spte_gfn(kvm, raw));
    const text = `[${index}] MMIO, gfn ${gfn}, generation ${hex(generation)}${relation}`;
    return row(key, text, { depth, entry, stale });
  }

  /** How many leaf entries from here on continue each other: gfns and frames go on, bits are same. */
  #leaves(sp: ShadowPage, first: number): number {
    const { spt, role } = sp;
    const size = pagesAtLevel(role.level);
    let length = 1;
    for (let next = first + 1; next < PT64_ENT_PER_PAGE; next++, length++) {
      if (spt.isZero(next) || this.#kvm.masks.is_mmio_spte(sp, next) || !is_last_spte(sp, next))
        break;
      if (is_writable_pte(sp, next) !== is_writable_pte(sp, first)) break;
      if (spt.frame(next) !== spt.frame(first) + (next - first) * size) break;
      if (
        kvm_mmu_page_get_gfn(sp, next) !==
        kvm_mmu_page_get_gfn(sp, first) + (next - first) * size
      )
        break;
    }
    return length;
  }

  #leafText(sp: ShadowPage, index: number, length: number): string {
    const gfns = range(kvm_mmu_page_get_gfn(sp, index), length * pagesAtLevel(sp.role.level));
    const where = length === 1 ? `[${index}]` : `[${index}-${index + length - 1}]`;
    const writable = is_writable_pte(sp, index) ? "" : ", read-only";
    return `${where} gfn ${gfns} → ${hostText(this.#kvm, spte_to_pfn(sp, index))}${writable}`;
  }
}

/** Higher levels first, then by gfn, then by age. */
const byPlace = (a: ShadowPage, b: ShadowPage): number =>
  b.role.level - a.role.level || a.gfn - b.gfn || a.id - b.id;
