import { PAGE_SIZE, pagesAtLevel } from "../../src/reference/machine/constants.ts";
import type { TestVm } from "./vm.ts";

/** Bits of a guest page table entry. */
export const PRESENT = 0x1n;
export const WRITABLE = 0x2n;
export const USER = 0x4n;
export const ACCESSED = 0x20n;
export const DIRTY = 0x40n;
export const LARGE = 0x80n;
/** What an operating system writes for a page that may be read, written and executed. */
export const FLAGS = PRESENT | WRITABLE | USER;

/**
 * A guest's own page tables, kept in guest memory as a guest operating system would. Tables take
 * the gfns after the root, in the order of their first use.
 */
export class GuestTables {
  readonly #vm: TestVm;
  readonly root: number;
  #next: number;

  constructor(vm: TestVm, root: number) {
    this.#vm = vm;
    this.root = root;
    this.#next = root + 1;
  }

  /** The guest physical address that a vCPU loads into CR3. */
  get cr3(): number {
    return this.root * PAGE_SIZE;
  }

  /** Maps a virtual page to a gfn by an entry of `level`, making the tables above it. */
  map(page: number, gfn: number, flags = FLAGS, level = 1): void {
    for (let above = 4; above > level; above--) {
      const entry = this.entry(page, above);
      if (this.#vm.peek(entry) === 0n) this.#vm.poke(entry, gpte(this.#next++, FLAGS));
    }
    this.set(page, gpte(gfn, level > 1 ? flags | LARGE : flags), level);
  }

  /** The guest physical address of the entry of `level` for a virtual page. */
  entry(page: number, level = 1): number {
    let table = this.root * PAGE_SIZE;
    for (let above = 4; ; above--) {
      const at = table + 8 * (Math.floor(page / pagesAtLevel(above)) % 512);
      if (above === level) return at;
      table = Number(this.#vm.peek(at) & 0xf_ffff_ffff_f000n);
    }
  }

  /** The gfn of the table of `level` for a virtual page. */
  table(page: number, level: number): number {
    return Math.floor(this.entry(page, level) / PAGE_SIZE);
  }

  get(page: number, level = 1): bigint {
    return this.#vm.peek(this.entry(page, level));
  }

  /** Changes an entry behind the shadow MMU's back, as a device or userspace would. */
  set(page: number, entry: bigint, level = 1): void {
    this.#vm.poke(this.entry(page, level), entry);
  }
}

/** A guest page table entry. */
export const gpte = (gfn: number, flags = FLAGS): bigint => BigInt(gfn * PAGE_SIZE) | flags;
