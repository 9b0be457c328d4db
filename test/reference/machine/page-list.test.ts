import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { check } from "../../../suites/support/property.ts";
import { ModelBug } from "../../../src/reference/machine/failures.ts";
import { PageList } from "../../../src/reference/machine/page-list.ts";
import type { ShadowPage } from "../../../src/reference/machine/shadow-page.ts";
import { shadowPage } from "../../support/shadow-pages.ts";

const PAGES = 6;
const operation = fc.record({
  kind: fc.constantFrom("move", "remove"),
  list: fc.nat({ max: 1 }),
  page: fc.nat({ max: PAGES - 1 }),
});

/** The law that ties the links in the pages to the ends and the length of their list. */
function expectListOf(list: PageList, pages: readonly ShadowPage[]): void {
  expect([...list.newestFirst()].map(({ id }) => id)).toEqual(pages.map(({ id }) => id));
  expect(list.length).toBe(pages.length);
  expect(list.isEmpty).toBe(pages.length === 0);
  expect(list.head).toBe(pages[0] ?? null);
  expect(list.tail).toBe(pages.at(-1) ?? null);
  for (const [i, page] of pages.entries()) {
    expect(page.link.list).toBe(list);
    expect(page.link.newer).toBe(pages[i - 1] ?? null);
    expect(page.link.older).toBe(pages[i + 1] ?? null);
  }
}

describe("PageList", () => {
  test("behaves as arrays that a page is on at most one of, the newest page first", () => {
    check(fc.array(operation, { maxLength: 40 }), 300, (operations) => {
      const pages = Array.from({ length: PAGES }, (_, i) => shadowPage(i + 1));
      const lists = [new PageList(), new PageList()];
      const model: ShadowPage[][] = [[], []];
      for (const { kind, list, page } of operations) {
        const [target, held] = [lists[list]!, pages[page]!];
        if (kind === "move") {
          target.moveToHead(held);
          for (const [i, each] of model.entries()) model[i] = each.filter((p) => p !== held);
          model[list]!.unshift(held);
        } else if (model[list]!.includes(held)) {
          target.remove(held);
          model[list] = model[list]!.filter((p) => p !== held);
          expect(held.link).toEqual({ list: null, newer: null, older: null });
        } else {
          expect(() => {
            target.remove(held);
          }).toThrow(ModelBug);
        }
      }
      for (const [i, list] of lists.entries()) expectListOf(list, model[i]!);
    });
  });

  test("names the page that is to be taken off a list it is not on", () => {
    const list = new PageList();
    new PageList().moveToHead(shadowPage(3));
    expect(() => {
      list.remove(shadowPage(3));
    }).toThrow("shadow page 3 is not on this list");
  });

  test("can be gone through while the page at hand is moved to the head or to another list", () => {
    const list = new PageList();
    const other = new PageList();
    const pages = [1, 2, 3, 4].map((id) => shadowPage(id));
    for (const page of pages) list.moveToHead(page);
    const seen: number[] = [];
    for (const page of list.newestFirst()) {
      seen.push(page.id);
      if (page.id % 2 === 0) other.moveToHead(page);
      else list.moveToHead(page);
    }
    expect(seen).toEqual([4, 3, 2, 1]);
    expectListOf(list, [pages[0]!, pages[2]!]);
    expectListOf(other, [pages[1]!, pages[3]!]);
  });
});
