import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";
import type { CaseRecord, StepRecord } from "../../src/adapters/record.ts";
import { comparable } from "../../src/conformance/comparable.ts";
import type { Case, Step } from "../../src/scenario/case.generated.ts";
import { aCase } from "../support/a-case.ts";
import { caseRecord, stepRecord, wire } from "../support/records.ts";

const shrink: Step = { do: "shrink" };
const freed = (count: number): StepRecord => stepRecord({ freed: count });

const same = (scenario: Case, one: CaseRecord, other: CaseRecord): boolean =>
  isDeepStrictEqual(comparable(scenario, one), comparable(scenario, other));

/** Whether what a step left can be told apart. */
const sameStep = (step: Step, one: StepRecord, other: StepRecord): boolean =>
  same(aCase({ steps: [step] }), caseRecord(one), caseRecord(other));

/** Whether two snapshots can be told apart by somebody who asks for this. */
const sameSnapshot = (
  expected: NonNullable<Extract<Step, { do: "snapshot" }>["expect"]>,
  one: StepRecord["result"],
  other: StepRecord["result"],
): boolean => sameStep({ do: "snapshot", expect: expected }, stepRecord(one), stepRecord(other));

describe("records are compared by", () => {
  test("what the steps returned, in whatever order its fields are", () => {
    const read: Step = { do: "access", vcpu: 0, gpa: "0x5000" };
    const hit = stepRecord({ outcome: "hit", hva: "0x10005000" });
    expect(sameStep(read, hit, stepRecord({ hva: "0x10005000", outcome: "hit" }))).toBe(true);
    expect(sameStep(read, hit, stepRecord({ outcome: "hit", hva: "0x10006000" }))).toBe(false);
    expect(sameStep(read, hit, stepRecord({ outcome: "hit" }))).toBe(false);
  });

  test("the events that the case speaks of, in their order, and no others", () => {
    const step: Step = {
      ...shrink,
      expect: { events: { order: [{ event: "free" }, { event: "commit" }] } },
    };
    const [free, commit, warn] = ["free", "commit", "warn"].map((name) => wire(name));
    const did = (...events: (typeof free)[]) => stepRecord({}, events as never);
    expect(sameStep(step, did(free, commit), did(warn, free, warn, commit))).toBe(true);
    expect(sameStep(step, did(free, commit), did(commit, free))).toBe(false);
    expect(sameStep(step, did(free, commit), did(free))).toBe(false);
    expect(sameStep(shrink, did(free, commit), did())).toBe(true);
    const fields = { gfn: "0x1", level: 1 };
    const turned = { level: 1, gfn: "0x1" };
    expect(sameStep(step, did(wire("free", fields)), did(wire("free", turned)))).toBe(true);
    expect(sameStep(step, did(wire("free", fields)), did(wire("free")))).toBe(false);
  });

  test("how far they go, and whether that is to the end", () => {
    const scenario = aCase({ steps: [shrink, shrink] });
    const failure = { pointer: "/steps/1", message: "BUG" };
    const whole = caseRecord(freed(1), freed(2));
    const half = caseRecord(freed(1));
    expect(same(scenario, whole, half)).toBe(false);
    expect(same(scenario, { ...half, failure }, half)).toBe(false);
    expect(same(scenario, { ...half, failure }, { ...half, failure: { ...failure } })).toBe(true);
    // How each one says it is its own affair.
    const other = { pointer: "/steps/1", message: "it gives up: KernelBug: BUG" };
    expect(same(scenario, { ...half, failure }, { ...half, failure: other })).toBe(true);
  });

  test("what each thread's steps returned, repetitions counted out, and where they stopped", () => {
    const step: Step = {
      do: "threads",
      threads: { one: [{ do: "repeat", times: 2, steps: [shrink] }, shrink], two: [] },
      schedule: [{ run: "one" }],
    };
    const did = (counts: number[], at = "end"): StepRecord => ({
      ...stepRecord(),
      threads: { one: counts.map(freed), two: [] },
      stops: [{ run: "one", at, reached: true }],
    });
    expect(sameStep(step, did([1, 2, 3]), did([1, 2, 3]))).toBe(true);
    expect(sameStep(step, did([1, 2, 3]), did([1, 2, 4]))).toBe(false);
    expect(sameStep(step, did([1, 2, 3]), did([1, 2]))).toBe(false);
    expect(sameStep(step, did([1, 2, 3]), did([1, 2, 3], "blocked"))).toBe(false);
  });

  test("each repetition, at any depth", () => {
    const judged: Step = { ...shrink, expect: { freed: 1 } };
    const inner: Step = { do: "repeat", times: 2, steps: [judged, shrink] };
    const outer: Step = { do: "repeat", times: 1, steps: [shrink, inner] };
    const did = (...counts: number[]): StepRecord => ({
      ...stepRecord(),
      repetitions: [counts.slice(0, 2).map(freed), counts.slice(2).map(freed)],
    });
    const around = (record: StepRecord): StepRecord => ({
      ...stepRecord(),
      repetitions: [[freed(0), record]],
    });
    expect(sameStep(inner, did(1, 2, 3, 4), did(1, 2, 3, 4))).toBe(true);
    expect(sameStep(inner, did(1, 2, 3, 4), did(1, 2, 3, 5))).toBe(false);
    expect(sameStep(outer, around(did(1, 2, 3, 4)), around(did(1, 2, 3, 4)))).toBe(true);
    expect(sameStep(outer, around(did(1, 2, 3, 4)), around(did(1, 2, 3, 5)))).toBe(false);
  });
});

describe("of the state is compared", () => {
  test("what the case asks for", () => {
    const memslots = (generation: string) => [{ as: 0, generation, in_flux: false, slots: [] }];
    const one = { memslots: memslots("0x2"), counters: { zapped: 1, installs: 1 } };
    const other = { memslots: memslots("0x4"), counters: { zapped: 2, installs: 1 } };
    expect(sameSnapshot({}, one, other)).toBe(true);
    expect(sameSnapshot({ memslots: [{ as: 0 }] }, one, other)).toBe(false);
    expect(sameSnapshot({ counters: { zapped: 1 } }, one, other)).toBe(false);
    expect(sameSnapshot({ counters: { installs: 1 } }, one, other)).toBe(true);
  });

  test("pages as a set: the order of a hash table or a list is nobody's business", () => {
    const [a, b] = [
      { gfn: "0x1", level: 1 },
      { gfn: "0x2", level: 2 },
    ];
    const pages = [{ count: 2 }];
    expect(sameSnapshot({ pages }, { pages: [a, b] }, { pages: [b, a] })).toBe(true);
    expect(sameSnapshot({ pages }, { pages: [a, b] }, { pages: [a, a] })).toBe(false);
    expect(sameSnapshot({ pages }, { pages: [a] }, { pages: [{ level: 1, gfn: "0x1" }] })).toBe(
      true,
    );
  });

  test("entries and translations in the order in which they were asked for", () => {
    const entries = [
      { vcpu: 0, gpa: "0x1000", is: { kind: "none" } },
      { vcpu: 0, gpa: "0x2000", is: { kind: "mmio" } },
    ] as const;
    const [none, mmio] = [{ kind: "none" }, { kind: "mmio", gfn: "0x2" }];
    const ask = { entries: [...entries] };
    expect(sameSnapshot(ask, { entries: [none, mmio] }, { entries: [none, mmio] })).toBe(true);
    expect(sameSnapshot(ask, { entries: [none, mmio] }, { entries: [mmio, none] })).toBe(false);
    const tlb = [{ vcpu: 0, gpa: "0x1000", is: "absent" as const }];
    expect(sameSnapshot({ tlb }, { tlb: ["absent"] }, { tlb: [{ hva: "0x1" }] })).toBe(false);
  });

  test("of a vCPU its cache and its requests, not its roots", () => {
    const vcpu = (changes: object) => ({ vcpus: [{ cache: null, requests: [], ...changes }] });
    const requests = [{ vcpu: 0, is: [] }];
    const cache = [{ vcpu: 0, is: null }];
    expect(sameSnapshot({ cache }, vcpu({ roots: ["0x1"] }), vcpu({ roots: [] }))).toBe(true);
    expect(sameSnapshot({ cache }, vcpu({ cache: { gfn: "0x1" } }), vcpu({}))).toBe(false);
    expect(sameSnapshot({ requests }, vcpu({ requests: ["MMU_SYNC"] }), vcpu({}))).toBe(false);
  });

  test("of declared facts those that are expected", () => {
    const step: Step = { do: "facts", expect: { mmio_generation_width: 64 } };
    const facts = (width: number, argument: string) =>
      stepRecord({ mmio_generation_width: width, hook_argument: argument });
    expect(sameStep(step, facts(64, "memslots"), facts(64, "generation"))).toBe(true);
    expect(sameStep(step, facts(64, "memslots"), facts(32, "memslots"))).toBe(false);
  });
});
