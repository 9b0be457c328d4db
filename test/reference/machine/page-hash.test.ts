import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { check } from "../../../suites/support/property.ts";
import { PageHash } from "../../../src/reference/machine/page-hash.ts";
import type { ShadowPage } from "../../../src/reference/machine/shadow-page.ts";
import { shadowPage } from "../../support/shadow-pages.ts";

const operation = fc.record({ add: fc.boolean(), page: fc.nat({ max: 7 }) });

describe("PageHash", () => {
  test("gives the pages of a gfn, newest first, as a Map of arrays would", () => {
    check(fc.array(operation, { maxLength: 40 }), 300, (operations) => {
      const pages = Array.from({ length: 8 }, (_, i) => shadowPage(i + 1, i % 3));
      const hash = new PageHash();
      const model: ShadowPage[] = [];
      for (const { add, page } of operations) {
        const held = pages[page]!;
        const at = model.indexOf(held);
        if (add && at < 0) {
          hash.add(held);
          model.unshift(held);
        } else if (!add) {
          hash.remove(held);
          if (at >= 0) model.splice(at, 1);
        }
      }
      for (const gfn of [0, 1, 2, 3]) {
        expect(hash.of(gfn)).toEqual(model.filter((held) => held.gfn === gfn));
      }
      expect(new Set(hash.all())).toEqual(new Set(model));
    });
  });

  test("what was given out stays as it is when pages come and go", () => {
    const hash = new PageHash();
    const [old, young] = [shadowPage(1), shadowPage(2)];
    hash.add(old);
    const given = hash.of(0);
    hash.add(young);
    hash.remove(old);
    expect(given).toEqual([old]);
    expect(hash.of(0)).toEqual([young]);
  });
});
