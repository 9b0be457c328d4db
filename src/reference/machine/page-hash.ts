import type { ShadowPage } from "./shadow-page.ts";

const NONE: readonly ShadowPage[] = [];

/** `mmu_page_hash`: shadow pages by gfn, newest first. A page stays in it until it is freed. */
export class PageHash {
  readonly #pages = new Map<number, readonly ShadowPage[]>();

  add(page: ShadowPage): void {
    const pages = this.#pages.get(page.gfn);
    if (pages === undefined) this.#pages.set(page.gfn, [page]);
    else this.#pages.set(page.gfn, [page, ...pages]);
  }

  remove(page: ShadowPage): void {
    const others = this.of(page.gfn).filter((other) => other !== page);
    if (others.length === 0) this.#pages.delete(page.gfn);
    else this.#pages.set(page.gfn, others);
  }

  /** All pages of a gfn, valid or not. */
  of(gfn: number): readonly ShadowPage[] {
    return this.#pages.get(gfn) ?? NONE;
  }

  /** Every page in the hash. */
  *all(): Generator<ShadowPage> {
    for (const pages of this.#pages.values()) yield* pages;
  }
}
