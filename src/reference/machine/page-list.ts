import { ModelBug } from "./failures.ts";
import type { ShadowPage } from "./shadow-page.ts";

/**
 * A list of shadow pages, newest at the head: `active_mmu_pages`, or pages prepared for freeing. A
 * page is on at most one list, so the links live in the page.
 */
export class PageList {
  #head: ShadowPage | null = null;
  #tail: ShadowPage | null = null;
  #length = 0;

  get head(): ShadowPage | null {
    return this.#head;
  }

  get tail(): ShadowPage | null {
    return this.#tail;
  }

  get length(): number {
    return this.#length;
  }

  get isEmpty(): boolean {
    return this.#head === null;
  }

  /**
   * Puts a page at the head, taking it from the list it is on (the kernel's list_add, list_move).
   */
  moveToHead(page: ShadowPage): void {
    page.link.list?.remove(page);
    page.link.list = this;
    page.link.older = this.#head;
    if (this.#head === null) this.#tail = page;
    else this.#head.link.newer = page;
    this.#head = page;
    this.#length++;
  }

  /** Takes a page off this list. */
  remove(page: ShadowPage): void {
    const { link } = page;
    if (link.list !== this) throw new ModelBug(`shadow page ${page.id} is not on this list`);
    if (link.newer === null) this.#head = link.older;
    else link.newer.link.older = link.older;
    if (link.older === null) this.#tail = link.newer;
    else link.older.link.newer = link.newer;
    link.list = link.newer = link.older = null;
    this.#length--;
  }

  /**
   * From the head; the page after the current one is remembered before the current one is given
   * out.
   */
  *newestFirst(): Generator<ShadowPage> {
    for (let page = this.#head, next; page !== null; page = next) {
      next = page.link.older;
      yield page;
    }
  }
}
