import { describe, expect, test } from "vitest";
import { CaseError } from "../../src/scenario/case-error.ts";
import { parseCase } from "../../src/scenario/parse-case.ts";
import { aCase, aCaseThat } from "../support/a-case.ts";

const FILE = "fixtures/11-zap-only-the-slot/p11.small.case.json";

/** The mistake that is reported of a document: where, and the sentence behind file and pointer. */
function mistakeIn(document: unknown): readonly [pointer: string, problem: string] {
  const text = typeof document === "string" ? document : JSON.stringify(document);
  try {
    parseCase(text, FILE);
  } catch (error) {
    if (!(error instanceof CaseError)) throw error;
    const before = `${FILE}: ${error.pointer === "" ? "" : `at ${error.pointer}: `}`;
    expect(error.file).toBe(FILE);
    expect(error.message).toSatisfy((message: string) => message.startsWith(before));
    expect(error.message).not.toContain("\n");
    return [error.pointer, error.message.slice(before.length)];
  }
  throw new Error("the document was accepted");
}

/** A case with one vCPU and one step that need not be valid. */
const withStep = (step: object): unknown => aCaseThat(step as never);

/** Two threads, and a schedule that need not be valid. */
const withSchedule = (...schedule: object[]): unknown =>
  withStep({ do: "threads", threads: { one: [ACCESS], two: [ACCESS] }, schedule });

const ACCESS = { do: "access", vcpu: 0, gpa: "0x5000" };
const HEX =
  "is not lower-case hexadecimal of at most 64 bits with 0x and without leading zeros, like 0x1f000";

interface Mistake {
  readonly mistake: string;
  readonly document: unknown;
  readonly pointer: string;
  readonly problem: string;
}

function refuses(mistakes: readonly Mistake[]): void {
  test.each(mistakes)("$mistake", ({ document, pointer, problem }) => {
    expect(mistakeIn(document)).toEqual([pointer, problem]);
  });
}

test("a valid case comes back as it was written", () => {
  const scenario = aCaseThat({ do: "access", vcpu: 0, gpa: "0x5000" });
  expect(parseCase(JSON.stringify(scenario), FILE)).toEqual(scenario);
});

test("a file that is not JSON is refused with the place of the mistake", () => {
  const [pointer, problem] = mistakeIn('{ "id": "p11.small.case", }');
  expect(pointer).toBe("");
  expect(problem).toMatch(/^is not JSON: .*position 26/);
});

describe("a document that the schema does not allow is refused", () => {
  const { why: _why, ...withoutWhy } = aCase();
  refuses([
    {
      mistake: "no object at all",
      document: [],
      pointer: "",
      problem: "expected object, found []",
    },
    {
      mistake: "a missing property",
      document: withoutWhy,
      pointer: "",
      problem: 'the property "why" is missing',
    },
    {
      mistake: "an unknown property",
      document: { ...aCase(), note: "hello" },
      pointer: "",
      problem:
        'there is no property "note" here; there are $schema, id, title, why, patch, erratum, ' +
        "question, function, proof, layers, without, alsoHolds, profile, machine, steps, expect",
    },
    {
      mistake: "a value that is none of those allowed",
      document: { ...aCase(), proof: "magic" },
      pointer: "/proof",
      problem: '"magic" is not one of layer, invariant, refactor, defect, mended, witness',
    },
    {
      mistake: "a value of the wrong type",
      document: { ...aCase(), patch: "11" },
      pointer: "/patch",
      problem: 'expected integer, found "11"',
    },
    {
      mistake: "a value of none of several types",
      document: { ...aCase(), machine: { page_budget: "all" } },
      pointer: "/machine/page_budget",
      problem: 'expected integer or null, found "all"',
    },
    {
      mistake: "a number out of its bounds",
      document: { ...aCase(), layers: { from: 11, to: 28 } },
      pointer: "/layers/to",
      problem: "must be <= 27, found 28",
    },
    {
      mistake: "a text that is too short",
      document: { ...aCase(), title: "Short" },
      pointer: "/title",
      problem: 'must NOT have fewer than 10 characters, found "Short"',
    },
    {
      mistake: "an id that is none",
      document: { ...aCase(), id: "p11" },
      pointer: "/id",
      problem:
        '"p11" is not an id: p01 to p27, E1 to E8 or all, then parts in lower case, like ' +
        "p11.two-slots.read",
    },
    {
      mistake: "a function that can be none",
      document: { ...aCase(), function: "the walker" },
      pointer: "/function",
      problem: '"the walker" is not the name of a kernel function',
    },
    {
      mistake: "a long value, shortened",
      document: { ...aCase(), machine: "x".repeat(99) },
      pointer: "/machine",
      problem: `expected object, found "${"x".repeat(58)}…`,
    },
  ]);
});

describe("a step that the schema does not allow is refused by its own kind's rules", () => {
  const deep = {
    do: "repeat",
    times: 2,
    steps: [
      {
        do: "threads",
        threads: {
          one: [{ do: "repeat", times: 2, steps: [ACCESS, { ...ACCESS, kind: "reed" }] }],
        },
        schedule: [{ run: "one" }],
      },
    ],
  };
  refuses([
    {
      mistake: "an unknown kind",
      document: withStep({ do: "acces", vcpu: 0 }),
      pointer: "/steps/1/do",
      problem:
        '"acces" is not a kind of step; there are create_vcpu, set_memory_region, access, ' +
        "write_guest_table, map_guest_range, load_cr3, invlpg, enter_smm, leave_smm, " +
        "flush_shadow_all, destroy_vm, shrink, host_release, contend, inject, probe, facts, " +
        "repeat, threads, snapshot",
    },
    {
      mistake: "no kind",
      document: withStep({ vcpu: 0 }),
      pointer: "/steps/1",
      problem: 'the property "do" is missing',
    },
    {
      mistake: "no object",
      document: withStep("access" as never),
      pointer: "/steps/1",
      problem: 'expected object, found "access"',
    },
    {
      mistake: "a missing property",
      document: withStep({ do: "access", gpa: "0x5000" }),
      pointer: "/steps/1",
      problem: 'the property "vcpu" is missing',
    },
    {
      mistake: "a property of another kind of step",
      document: withStep({ ...ACCESS, slot: 1 }),
      pointer: "/steps/1",
      problem:
        'there is no property "slot" here; there are do, note, vcpu, gpa, gva, kind, size, ' +
        "value, expect",
    },
    {
      mistake: "a number where hexadecimal is due",
      document: withStep({ ...ACCESS, gpa: 0x5000 }),
      pointer: "/steps/1/gpa",
      problem: "expected string, found 20480",
    },
    {
      mistake: "hexadecimal with leading zeros",
      document: withStep({ ...ACCESS, gpa: "0x0005000" }),
      pointer: "/steps/1/gpa",
      problem: `"0x0005000" ${HEX}`,
    },
    {
      mistake: "an outcome that is neither one nor a set of them",
      document: withStep({ ...ACCESS, expect: { outcome: "mapt" } }),
      pointer: "/steps/1/expect/outcome",
      problem:
        '"mapt" is not one of hit, mapped, emulated, mmio, guest-fault, triple-fault, ENOSPC, ' +
        "fetch-from-mmio, BUG",
    },
    {
      mistake: "a count with a misspelt bound",
      document: withStep({
        ...ACCESS,
        expect: { events: { counts: [{ event: "free", count: { mn: 1 } }] } },
      }),
      pointer: "/steps/1/expect/events/counts/0/count",
      problem: 'there is no property "mn" here; there are min, max',
    },
    {
      mistake: "a counter that does not exist",
      document: withStep({ do: "snapshot", expect: { counters: { used: 1 } } }),
      pointer: "/steps/1/expect/counters",
      problem:
        '"used" is not one of used_pages, leaked_pages, pages_allocated, pages_freed, ' +
        "remote_flushes, local_flushes, reloads, lock_breaks, walk_restarts, prepares, faults, " +
        "installs",
    },
    {
      mistake: "a mistake deep inside repeat and threads",
      document: withStep({ ...deep, note: "here" }),
      pointer: "/steps/1/steps/0/threads/one/0/steps/1/kind",
      problem: '"reed" is not one of read, write, fetch',
    },
    {
      mistake: "more repetitions than there may be",
      document: withStep({ do: "repeat", times: 2 ** 20 + 1, steps: [ACCESS] }),
      pointer: "/steps/1/times",
      problem: "must be <= 1048576, found 1048577",
    },
    {
      mistake: "a point of a schedule that does not exist",
      document: withSchedule({ run: "one", until: "memslots.publish" }),
      pointer: "/steps/1/schedule/0/until",
      problem:
        '"memslots.publish" is not one of memslots.published, memslots.synchronized, ' +
        "memslots.generation, memslots.arch-updated, guest.enter, slot.looked-up, cache.fill, " +
        "spte.mark, spte.check, emulate, mmu_lock.acquire, mmu_lock.break, blocked, end",
    },
    {
      mistake: "a repeated part of a schedule with a misspelt property",
      document: withSchedule({ repeat: 2, schedul: [{ run: "one" }] }),
      pointer: "/steps/1/schedule/0",
      problem: 'the property "schedule" is missing',
    },
    {
      mistake: "an item of a schedule with a misspelt property",
      document: withSchedule({ run: "one", untill: "end" }),
      pointer: "/steps/1/schedule/0",
      problem: 'there is no property "untill" here; there are run, until, nth',
    },
  ]);
});

describe("a case that contradicts itself is refused", () => {
  const alsoHolds = (from: number, to: number) =>
    aCase({ alsoHolds: [{ layers: { from, to }, because: "it is so there, too" }] });
  refuses([
    {
      mistake: "an id of another patch",
      document: aCase({ id: "p12.small.case" }),
      pointer: "/id",
      problem: 'the id of a case of patch 11 starts with "p11."',
    },
    {
      mistake: "an id that does not name the erratum",
      document: aCase({ proof: "defect", erratum: "E2" }),
      pointer: "/id",
      problem: 'the id of a case of E2 starts with "E2."',
    },
    {
      mistake: "an id of one patch where every layer is meant",
      document: aCase({ patch: 0, proof: "invariant", layers: { from: 0, to: 27 } }),
      pointer: "/id",
      problem: 'the id of a case of every layer starts with "all."',
    },
    {
      mistake: "proof by an erratum that is not named",
      document: aCase({ proof: "mended" }),
      pointer: "/proof",
      problem: 'proof "mended" needs an erratum',
    },
    {
      mistake: "an erratum that nothing is proved with",
      document: aCase({ erratum: "E2" }),
      pointer: "/proof",
      problem: 'proof "layer" does not go with an erratum',
    },
    {
      mistake: "an empty range",
      document: aCase({ layers: { from: 11, to: 10 } }),
      pointer: "/layers",
      problem: "the range from 11 to 10 is empty",
    },
    {
      mistake: "a layer case that starts before its patch",
      document: aCase({ layers: { from: 10, to: 27 } }),
      pointer: "/layers/from",
      problem: "a case that patch 11 makes true must hold from layer 11 on",
    },
    {
      mistake: "a refactor case that ends before its patch",
      document: aCase({ proof: "refactor", layers: { from: 5, to: 10 } }),
      pointer: "/layers",
      problem: "layer 11, the patch's own, is outside 5..10",
    },
    {
      mistake: "an invariant of some layers only",
      document: aCase({ proof: "invariant", layers: { from: 0, to: 26 } }),
      pointer: "/layers",
      problem: "an invariant holds on all layers, 0 to 27",
    },
    {
      mistake: "further layers that are in the range already",
      document: alsoHolds(9, 11),
      pointer: "/alsoHolds/0/layers",
      problem: "9..11 overlaps with 11..27: give layers outside that range",
    },
    {
      mistake: "further layers that are none",
      document: alsoHolds(9, 8),
      pointer: "/alsoHolds/0/layers",
      problem: "the range from 9 to 8 is empty",
    },
  ]);
});

describe("steps that do not fit together are refused", () => {
  const BROKEN = {
    ...{ do: "set_memory_region", slot: 1, gpa: "0x0", size: "0x1000", hva: "0x10000000" },
    expect: { result: "BUG" },
  };
  const NO_FLUSH = { counts: [{ event: "remote_flush", count: 0 }] };
  const TWO = { one: [ACCESS], two: [ACCESS] };
  const inThread = (step: object): unknown =>
    withStep({
      do: "threads",
      threads: { one: [step], two: [ACCESS] },
      schedule: [{ run: "one" }],
    });
  refuses([
    {
      mistake: "a step on a vCPU before there is any",
      document: { ...aCase(), steps: [ACCESS] },
      pointer: "/steps/0/vcpu",
      problem: "there is no vCPU 0 yet; none has been created",
    },
    {
      mistake: "a step after the one in which the kernel breaks",
      document: { ...aCase(), steps: [BROKEN, { do: "shrink" }] },
      pointer: "/steps/1",
      problem: "nothing follows the BUG of step 0",
    },
    {
      mistake: "a BUG inside another step",
      document: { ...aCase(), steps: [{ do: "repeat", times: 2, steps: [BROKEN] }] },
      pointer: "/steps",
      problem: "a BUG is expected inside another step; only the last step of all may end in one",
    },
    {
      mistake: "events of a step that breaks",
      document: {
        ...aCase(),
        steps: [{ ...BROKEN, expect: { result: "BUG", events: NO_FLUSH } }],
      },
      pointer: "/steps/0/expect/events",
      problem: "a step that breaks tells no events",
    },
    {
      mistake: "events of a case that ends in a BUG",
      document: { ...aCase(), steps: [BROKEN], expect: NO_FLUSH },
      pointer: "/expect",
      problem: "a case that ends in a BUG expects no events of all of it",
    },
    {
      mistake: "a step on a vCPU that has not been created",
      document: withStep({ ...ACCESS, vcpu: 1 }),
      pointer: "/steps/1/vcpu",
      problem: "there is no vCPU 1 yet; they go up to 0",
    },
    {
      mistake: "a snapshot of a vCPU that has not been created",
      document: withStep({ do: "snapshot", expect: { cache: [{ vcpu: 3, is: null }] } }),
      pointer: "/steps/1/expect/cache/0/vcpu",
      problem: "there is no vCPU 3 yet; they go up to 0",
    },
    {
      mistake: "a snapshot of an address space that the machine does not have",
      document: {
        ...aCaseThat({ do: "snapshot", expect: { memslots: [{ as: 1 }] } }),
        machine: { address_spaces: 1 },
      },
      pointer: "/steps/1/expect/memslots/0/as",
      problem: "there is no address space 1; machine.address_spaces is 1",
    },
    {
      mistake: "an access without an address",
      document: withStep({ do: "access", vcpu: 0 }),
      pointer: "/steps/1",
      problem: "expected exactly one of gpa and gva",
    },
    {
      mistake: "an access with two addresses",
      document: withStep({ ...ACCESS, gva: "0x5000" }),
      pointer: "/steps/1",
      problem: "expected exactly one of gpa and gva",
    },
    {
      mistake: "a snapshot of an entry with two addresses",
      document: withStep({
        do: "snapshot",
        expect: { entries: [{ vcpu: 0, gpa: "0x0", gva: "0x0", is: { kind: "none" } }] },
      }),
      pointer: "/steps/1/expect/entries/0",
      problem: "expected exactly one of gpa and gva",
    },
    {
      mistake: "an access that crosses the end of its page",
      document: withStep({ ...ACCESS, gpa: "0x5ffc" }),
      pointer: "/steps/1/gpa",
      problem: "8 bytes from there on cross the end of the page",
    },
    {
      mistake: "a table entry written by nobody",
      document: withStep({ do: "write_guest_table", vcpu: 0, gpa: "0x1000", entry: "0x0" }),
      pointer: "/steps/1",
      problem: "expected either gpa (userspace writes) or vcpu and gva (the guest writes)",
    },
    {
      mistake: "a part of a table entry written by userspace",
      document: withStep({ do: "write_guest_table", gpa: "0x1000", entry: "0x0", size: 4 }),
      pointer: "/steps/1/size",
      problem: "userspace writes whole entries; only a write of the guest has a size",
    },
    {
      mistake: "a mapping of something that is no page",
      document: withStep({
        ...{ do: "map_guest_range", root: "0x1000", npages: 1 },
        ...{ gva: "0x40001000", gpa: "0x200000", large: true },
      }),
      pointer: "/steps/1/gva",
      problem: "expected a multiple of 0x200000",
    },
    {
      mistake: "guest page tables on a machine that does not shadow them",
      document: withStep({ do: "create_vcpu", cr3: "0x1000" }),
      pointer: "/steps/1/cr3",
      problem: 'guest page tables matter only with machine.paging "shadow"',
    },
    {
      mistake: "an injected flag that goes nowhere",
      document: withStep({ do: "inject", what: "mmio_cached" }),
      pointer: "/steps/1",
      problem: '"mmio_cached" is injected into a page',
    },
    {
      mistake: "an injected generation that goes nowhere",
      document: withStep({ do: "inject", what: "generation", generation: "0x2" }),
      pointer: "/steps/1",
      problem: '"generation" is injected into an address space: as and generation',
    },
    {
      mistake: "repetitions whose product is too large",
      document: withStep({
        do: "repeat",
        times: 1024,
        steps: [{ do: "repeat", times: 1024, steps: [ACCESS] }],
      }),
      pointer: "/steps/1/steps/0/steps/0",
      problem: "the case performs more than 1048576 operations",
    },
    {
      mistake: "a schedule whose repetitions multiply beyond that",
      document: withSchedule({
        repeat: 2000,
        schedule: [{ repeat: 2000, schedule: [{ run: "one" }] }],
      }),
      pointer: "/steps/1/schedule/0/schedule/0/schedule/0",
      problem: "the case performs more than 1048576 operations",
    },
    {
      mistake: "expectations in a step that is repeated very often",
      document: withStep({
        do: "repeat",
        times: 10_001,
        steps: [{ do: "repeat", times: 1, steps: [{ ...ACCESS, expect: { outcome: "hit" } }] }],
      }),
      pointer: "/steps/1/steps",
      problem: "steps that are repeated more than 10000 times have no expectations and no threads",
    },
    {
      mistake: "threads that are repeated very often",
      document: withStep({
        do: "repeat",
        times: 10_001,
        steps: [{ do: "threads", threads: TWO, schedule: [{ run: "one" }] }],
      }),
      pointer: "/steps/1/steps",
      problem: "steps that are repeated more than 10000 times have no expectations and no threads",
    },
    {
      mistake: "a schedule that names an unknown thread",
      document: withSchedule({ repeat: 2, schedule: [{ run: "three" }] }),
      pointer: "/steps/1/schedule/0/schedule/0/run",
      problem: 'there is no thread "three"; there are one, two',
    },
    {
      mistake: "threads in a thread, be it repeated",
      document: inThread({
        do: "repeat",
        times: 2,
        steps: [{ do: "threads", threads: TWO, schedule: [{ run: "one" }] }],
      }),
      pointer: "/steps/1/threads/one/0/steps/0",
      problem: '"threads" cannot be a step of a thread',
    },
    {
      mistake: "a vCPU created in a thread",
      document: inThread({ do: "create_vcpu" }),
      pointer: "/steps/1/threads/one/0",
      problem: '"create_vcpu" cannot be a step of a thread',
    },
    {
      mistake: "events expected of one thread",
      document: inThread({
        ...ACCESS,
        expect: { events: { counts: [{ event: "warn", count: 0 }] } },
      }),
      pointer: "/steps/1/threads/one/0/expect/events",
      problem:
        'the events of one thread cannot be told apart; expect them of the whole "threads" step',
    },
  ]);
});

test("as many operations as there may be are accepted, and one more is not", () => {
  const performing = (times: number) => withStep({ do: "repeat", times, steps: [ACCESS] });
  // The vCPU, the repeat itself, and what it repeats.
  const most = 2 ** 20 - 2;
  expect(() => parseCase(JSON.stringify(performing(most)), FILE)).not.toThrow();
  expect(mistakeIn(performing(most + 1))[1]).toContain("more than 1048576 operations");
});
