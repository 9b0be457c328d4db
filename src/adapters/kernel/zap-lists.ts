import { printed } from "./printed.ts";

/** A page that was put on a list to be freed. */
interface Zapped {
  /** Address of the page's description in the kernel, whose first member links it into the list. */
  readonly page: string;
  /** Whether it is the case's: not the guest's code. */
  readonly counts: boolean;
}

/** How many of a case's pages a commit frees, during one step. */
export class ZapLists {
  /** By the address of the list's head. */
  readonly #lists = new Map<string, Zapped[]>();
  /** What was told of the page that is traced next. */
  #next: { readonly page: string; readonly list: string } | null = null;
  /** Pages of the case on lists that are not told. */
  #untold = 0;

  /** kvm_mmu_prepare_zap_page begins, with its arguments. */
  begins(text: string): void {
    const told = printed(text);
    const [page, list] = [told.get("page"), told.get("list")];
    this.#next = page === undefined || list === undefined ? null : { page, list };
  }

  /** The page is put on the list. */
  put(counts: boolean): void {
    if (this.#next === null) {
      if (counts) this.#untold++;
      return;
    }
    const { page, list } = this.#next;
    this.#lists.set(list, [...(this.#lists.get(list) ?? []), { page, counts }]);
  }

  /**
   * Pages of the case that are on the list of a commit. The list may stand where one stood before
   * whose pages nobody has freed (E6); its last member is the page that was put there first.
   */
  commit(text: string): number {
    const names = printed(text);
    const [first, last, list = ""] = ["first", "last", "list"].map((name) => names.get(name));
    if (first === undefined || first === list) return 0;
    const zapped = this.#lists.get(list) ?? [];
    this.#lists.delete(list);
    const begin = zapped.findLastIndex(({ page }) => page === last);
    const told = zapped.slice(Math.max(begin, 0)).filter(({ counts }) => counts).length;
    const pages = told + this.#untold;
    this.#untold = 0;
    return pages;
  }
}
