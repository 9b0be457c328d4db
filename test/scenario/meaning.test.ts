import { expect, test } from "vitest";
import type { Case } from "../../src/scenario/case.generated.ts";
import { meaningOf } from "../../src/scenario/meaning.ts";
import { aCase } from "../support/a-case.ts";

const ACCESS = { do: "access", vcpu: 0, gpa: "0x5000", expect: { outcome: "mapped" } } as const;

/** A case with something of everything, and threads with names that are also those of prose. */
const scenario: Case = {
  $schema: "../schema/case.schema.json",
  ...aCase({
    question: "Q1",
    machine: { paging: "npt", resident: [{ hva: "0x10000000", npages: 4 }] },
    steps: [
      { do: "create_vcpu", note: "the only one" },
      { do: "repeat", times: 2, steps: [ACCESS] },
      {
        do: "threads",
        threads: { note: [ACCESS], because: [{ ...ACCESS, note: "the same" }] },
        schedule: [{ run: "note", until: ["guest.enter", "blocked"] }],
      },
    ],
    alsoHolds: [{ layers: { from: 3, to: 4 }, because: "it was so once" }],
    expect: { counts: [{ event: "warn", where: { where: "kvm" }, count: { max: 0 } }] },
  }),
};

type Path = readonly (string | number)[];

/** The path of everything in a document that is no object and no list. */
function* leaves(value: unknown, path: Path = []): Generator<Path> {
  if (typeof value !== "object" || value === null) yield path;
  else {
    for (const [key, inner] of Object.entries(value)) {
      yield* leaves(inner, [...path, Array.isArray(value) ? Number(key) : key]);
    }
  }
}

/** The case with one value replaced, or without it. */
function changed(path: Path, value: unknown): Case {
  const copy = structuredClone(scenario);
  let at = copy as unknown as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) at = at[key] as typeof at;
  if (value === undefined) Reflect.deleteProperty(at, path.at(-1)!);
  else at[path.at(-1)!] = value;
  return copy;
}

const isProse = (path: Path): boolean =>
  ["title", "why", "$schema"].includes(String(path[0])) ||
  ["note", "because"].includes(String(path.at(-1)));

const paths = [...leaves(scenario)].map((path) => ({ path, pointer: `/${path.join("/")}` }));
const prose = paths.filter(({ path }) => isProse(path));
const meaningful = paths.filter(({ path }) => !isProse(path));

test("a meaning is 16 hexadecimal digits", () => {
  expect(meaningOf(scenario)).toMatch(/^[0-9a-f]{16}$/);
});

test.each(prose)("other words at $pointer do not change the meaning", ({ path }) => {
  expect(meaningOf(changed(path, "Something else that is said"))).toBe(meaningOf(scenario));
  expect(meaningOf(changed(path, undefined))).toBe(meaningOf(scenario));
});

test.each(meaningful)("another value at $pointer changes the meaning", ({ path }) => {
  expect(meaningOf(changed(path, "0x77"))).not.toBe(meaningOf(scenario));
});

test("prose and meaning were both looked at", () => {
  expect(prose.map(({ pointer }) => pointer)).toEqual([
    "/$schema",
    "/title",
    "/why",
    "/steps/0/note",
    "/steps/2/threads/because/0/note",
    "/alsoHolds/0/because",
  ]);
  expect(meaningful.length).toBeGreaterThan(30);
});

test("the order of properties does not change the meaning, that of steps does", () => {
  const reversed = Object.fromEntries(Object.entries(scenario).reverse()) as unknown as Case;
  expect(meaningOf(reversed)).toBe(meaningOf(scenario));
  expect(meaningOf({ ...scenario, steps: [...scenario.steps].reverse() })).not.toBe(
    meaningOf(scenario),
  );
});

test("a thread that is called like a note is no note", () => {
  const without = changed(["steps", 2, "threads", "note"], undefined);
  expect(meaningOf(without)).not.toBe(meaningOf(scenario));
});
