import { expect, test } from "vitest";
import { CaseTree } from "../../src/conformance/case-tree.ts";
import type { Has } from "../../src/reference/compose-lazily.ts";

/** A tree that counts how often something had to be tried. */
function counted(attempt: (has: Has) => boolean) {
  let attempts = 0;
  const tree = new CaseTree((has) => {
    attempts++;
    return attempt(has);
  });
  return { tree, attempts: () => attempts };
}

test("what is not asked for makes no difference, and needs no other attempt", () => {
  const { tree, attempts } = counted((has) => has(11) && (has("E6") || has(3)));
  expect(tree.outcome((part) => part === 11 || part === 3)).toEqual({
    ...{ holds: true, asked: [11, "E6", 3] },
  });
  expect(tree.outcome((part) => part !== "E6").holds).toBe(true);
  expect(attempts()).toBe(1);
  expect(tree.outcome(() => true)).toEqual({ holds: true, asked: [11, "E6"] });
  expect(tree.outcome(() => false)).toEqual({ holds: false, asked: [11] });
  expect(attempts()).toBe(3);
});

test("a question that is asked again has the same answer, and is one question", () => {
  const { tree } = counted((has) => has(1) && has(1));
  expect(tree.outcome(() => true)).toEqual({ holds: true, asked: [1] });
});

test("what asks nothing is tried once", () => {
  const { tree, attempts } = counted(() => true);
  for (const answer of [true, false]) expect(tree.outcome(() => answer).holds).toBe(true);
  expect(attempts()).toBe(1);
});
