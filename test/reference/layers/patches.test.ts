import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";
import { composeThrough } from "../../../src/reference/compose.ts";
import { patches } from "../../../src/reference/layers/index.ts";
import { isAbsent, type OperationName } from "../../../src/reference/operations.ts";
import type { Patch } from "../../../src/reference/patch.ts";

const LIST = [...patches];

/** What a patch gives on top of the layer below it. */
const changesOf = ({ number, apply }: Patch) =>
  apply(composeThrough(number - 1).ops, (other) => other <= number);

/** The text of a function from its parameters on: what it is called does not matter. */
const text = (operation: unknown): string => {
  const source = (operation as () => void).toString();
  return source.slice(source.indexOf("("));
};

test("the 27 patches are in the order of the series", () => {
  expect(LIST.map(({ number }) => number)).toEqual(Array.from({ length: 27 }, (_, i) => i + 1));
});

test("each patch has a title of its own, and a commit is a hash", () => {
  expect(new Set(LIST.map(({ title }) => title)).size).toBe(27);
  for (const { title, commit } of LIST) {
    expect(title).toMatch(/KVM: /);
    if (commit !== undefined) expect(commit).toMatch(/^[0-9a-f]{13,40}$/);
  }
});

test("a patch needs earlier patches only, so that no two need each other, and says why", () => {
  for (const { number, requires } of LIST) {
    for (const [needed, why] of Object.entries(requires)) {
      expect(Number(needed), `needed by ${number}`).toBeLessThan(number);
      expect(LIST.map((patch) => patch.number)).toContain(Number(needed));
      expect(why).toMatch(/^\S.*[^.\s]$/); // goes on a sentence, without its full stop
    }
  }
});

describe.each(LIST)("patch $number", (patch) => {
  const below = composeThrough(patch.number - 1);
  const itself = composeThrough(patch.number);
  const changes = changesOf(patch);
  const names = Object.keys(changes) as OperationName[];

  test("changes operations, removes some, or moves some", () => {
    const moves = isDeepStrictEqual(below.order, itself.order) ? 0 : 1;
    expect(names.length + (patch.removes ?? []).length + moves).toBeGreaterThan(0);
  });

  test("gives no operation that is the same as below", () => {
    for (const name of names) {
      const [old, own] = [below.ops[name], changes[name]];
      const same =
        typeof own === "function" && typeof old === "function" && !isAbsent(old)
          ? text(own) === text(old)
          : isDeepStrictEqual(own, old);
      expect(same, name).toBe(false);
    }
  });

  test("leaves every other operation as it is", () => {
    const touched = new Set<string>([...names, ...(patch.removes ?? [])]);
    const others = (Object.keys(itself.ops) as OperationName[]).filter(
      (name) => !touched.has(name),
    );
    for (const name of others) expect(itself.ops[name], name).toBe(below.ops[name]);
  });

  test("removes what is there below, and does not give it anew", () => {
    for (const name of patch.removes ?? []) {
      expect(isAbsent(below.ops[name]), name).toBe(false);
      expect(isAbsent(itself.ops[name]), name).toBe(true);
      expect(names).not.toContain(name);
    }
  });

  test("places what it introduces or moves, before what is there", () => {
    for (const [name, before] of Object.entries(patch.place ?? {})) {
      expect(itself.order).toContain(name);
      expect(itself.order).toContain(before);
    }
    for (const name of names) {
      if (isAbsent(below.ops[name])) expect(patch.place).toHaveProperty(name);
    }
  });
});
