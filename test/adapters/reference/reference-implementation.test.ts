import { describe, expect, test } from "vitest";
import {
  machineOf,
  recordOnReference,
  referenceImplementation,
} from "../../../src/adapters/reference/reference-implementation.ts";
import type { StepRecord } from "../../../src/adapters/record.ts";
import { composeThrough } from "../../../src/reference/compose.ts";
import { DEFAULT_MACHINE } from "../../../src/reference/machine/machine.ts";
import { parseCase } from "../../../src/scenario/parse-case.ts";
import type { Case, Machine, Step } from "../../../src/scenario/case.generated.ts";
import { aCase, aCaseThat, ram } from "../../support/a-case.ts";

const composition = composeThrough(27);

const record = (scenario: Case) => recordOnReference(composition, scenario);

/** The records of some steps after one vCPU was created. */
const recordsOf = (...steps: Step[]): readonly StepRecord[] =>
  record(aCaseThat(...steps)).steps.slice(1);

const resultsOf = (...steps: Step[]) => recordsOf(...steps).map(({ result }) => result);
const names = ({ events }: StepRecord): string[] => events.map(({ event }) => event);

const read: Step = { do: "access", vcpu: 0, gpa: "0x5000" };
const mmio: Step = { do: "access", vcpu: 0, gpa: "0x700000" };

describe("a step's record has what the step returned:", () => {
  test("the number of a vCPU", () => {
    expect(record(aCase({ steps: [{ do: "create_vcpu" }, { do: "create_vcpu" }] })).steps).toEqual([
      { result: { vcpu: 0 }, events: [] },
      { result: { vcpu: 1 }, events: [] },
    ]);
  });

  test("whether a region was accepted", () => {
    const overlapping = { ...ram(16, 2), hva: "0x20000000" } as Step;
    const odd = { ...ram(16, 2), gpa: "0x123" } as Step;
    expect(resultsOf(ram(16), overlapping, odd)).toEqual([
      { result: "ok" },
      { result: "EEXIST" },
      { result: "EINVAL" },
    ]);
  });

  test("how an access ended, and what it reached", () => {
    const write: Step = { ...read, kind: "write", size: 4, value: "0x77" };
    const results = resultsOf(ram(16), read, write, read, mmio, mmio, { ...mmio, kind: "fetch" });
    expect(results.slice(1)).toEqual([
      { outcome: "mapped", hva: "0x10005000", value: "0x0" },
      { outcome: "hit", hva: "0x10005000", value: "0x77" },
      { outcome: "hit", hva: "0x10005000", value: "0x77" },
      { outcome: "mmio", via: "fault", gpa: "0x700000" },
      { outcome: "mmio", via: "cache", gpa: "0x700000" },
      { outcome: "fetch-from-mmio" },
    ]);
  });

  test("how many pages a shrinker freed, or were flagged", () => {
    const flag = (gfn: string): Step => ({
      ...{ do: "inject", what: "mmio_cached" },
      page: { gfn, level: 1 },
    });
    const flags = [flag("0x0"), flag("0x77")];
    const shrinks: Step[] = [{ do: "shrink" }, { do: "shrink" }];
    // The oldest page is the root, which is in use; it stays.
    expect(resultsOf(ram(16), read, ...flags, ...shrinks).slice(2)).toEqual([
      { flagged: 1 },
      { flagged: 0 },
      { freed: 0 },
      { freed: 1 },
    ]);
  });

  test("nothing where there is nothing to return", () => {
    const steps: Step[] = [
      { do: "contend", who: "cpu", when: "never" },
      { do: "host_release", hva: "0x10005000" },
      { do: "enter_smm", vcpu: 0 },
      { do: "leave_smm", vcpu: 0 },
      { do: "load_cr3", vcpu: 0, cr3: "0x1000" },
      { do: "inject", what: "generation", as: 0, generation: "0x8" },
      { do: "flush_shadow_all" },
      { do: "destroy_vm" },
    ];
    expect(resultsOf(...steps)).toEqual(steps.map(() => ({})));
  });
});

test("a shadowed guest's tables are written by userspace, by the guest, or as a range", () => {
  const scenario: Case = {
    ...aCase(),
    machine: { paging: "shadow" },
    steps: [
      ram(0x40),
      { do: "map_guest_range", root: "0x10000", gva: "0x40000000", gpa: "0x5000", npages: 2 },
      // The entry for 0x40002000: in the fourth table, that of level 1.
      { do: "write_guest_table", gpa: "0x13010", entry: "0x8007" },
      { do: "create_vcpu", cr3: "0x10000" },
      ...["0x40000000", "0x40001008", "0x40002000", "0x40003000"].map((gva): Step => ({
        do: "access",
        vcpu: 0,
        gva,
      })),
      { do: "map_guest_range", root: "0x10000", gva: "0x80000000", gpa: "0x13000", npages: 1 },
      { do: "write_guest_table", vcpu: 0, gva: "0x80000018", entry: "0x9007" },
      { do: "invlpg", vcpu: 0, gva: "0x40003000" },
      { do: "access", vcpu: 0, gva: "0x40003000" },
    ],
  };
  const results = record(scenario).steps.map(({ result }) => result);
  expect(results.slice(4, 8)).toEqual([
    { outcome: "mapped", hva: "0x10005000", value: "0x0" },
    { outcome: "mapped", hva: "0x10006008", value: "0x0" },
    { outcome: "mapped", hva: "0x10008000", value: "0x0" },
    { outcome: "guest-fault" },
  ]);
  expect(results.at(-1)).toMatchObject({ hva: "0x10009000" });
});

describe("events are those of the step alone", () => {
  const steps = [ram(16), read, read, mmio] as const;

  test("and all of them, unless only some are wanted", () => {
    const [install, first, second, access] = recordsOf(...steps).map(names);
    expect(install).toContain("memslots.published");
    expect(first).toContain("page_fault");
    expect(second).toEqual([]);
    expect(access).toContain("mark_mmio_spte");
    const some = recordOnReference(composition, aCaseThat(...steps), {
      events: new Set(["page_fault"]),
    });
    expect(some.steps.slice(1).map(names)).toEqual([[], ["page_fault"], [], ["page_fault"]]);
  });

  test("inside repeat, too", () => {
    const [, repeated] = recordsOf(ram(16), {
      do: "repeat",
      times: 2,
      steps: [{ ...read, expect: { outcome: "mapped" } }, mmio],
    });
    const { events, repetitions } = repeated!;
    expect(repetitions?.map((records) => records.map(names))).toEqual([
      [names(recordsOf(ram(16), read)[1]!), names(recordsOf(ram(16), read, mmio)[2]!)],
      [[], ["page_fault", "cache.hit"]],
    ]);
    expect(events).toEqual(repetitions?.flat().flatMap((each) => each.events));
  });
});

describe("the records of repetitions", () => {
  const repeat = (...steps: Step[]): Step => ({ do: "repeat", times: 3, steps });
  const judged: Step = { ...read, expect: { outcome: "hit" } };
  const threads: Step = {
    do: "threads",
    threads: { one: [read], two: [mmio] },
    schedule: [{ run: "one", until: "mmu_lock.acquire" }],
  };

  test("are kept when one of their steps is judged, at any depth", () => {
    for (const step of [judged, repeat(judged), threads]) {
      expect(recordsOf(repeat(step))[0]?.repetitions).toHaveLength(3);
    }
    const [, outer] = recordsOf(ram(16), repeat(repeat(judged)));
    expect(outer?.repetitions?.[2]?.[0]?.repetitions?.[2]?.[0]?.result).toEqual({
      outcome: "hit",
      hva: "0x10005000",
      value: "0x0",
    });
  });

  test("are not kept when nothing is judged: there may be a million of them", () => {
    expect(recordsOf(repeat(read))[0]).not.toHaveProperty("repetitions");
  });
});

describe("threads", () => {
  test("leave the records of each thread's steps, repetitions counted out, and their stops", () => {
    const [, threads] = recordsOf(ram(16), {
      do: "threads",
      threads: {
        writer: [ram(0, 1)],
        vcpu: [{ do: "repeat", times: 2, steps: [read, mmio] }, read],
      },
      schedule: [
        { run: "vcpu", until: "guest.enter" },
        { run: "writer", until: "memslots.published" },
        { run: "vcpu", until: "blocked" },
      ],
    });
    expect(threads?.stops).toEqual([
      { run: "vcpu", at: "guest.enter", reached: true },
      { run: "writer", at: "memslots.published", reached: true },
      { run: "vcpu", at: "end", reached: false },
    ]);
    expect(threads?.threads?.["writer"]?.map(({ result }) => result)).toEqual([{ result: "ok" }]);
    expect(threads?.threads?.["vcpu"]?.map(({ result }) => result["outcome"])).toHaveLength(5);
    expect(threads?.events.map(({ event }) => event)).toContain("memslots.published");
    expect(threads?.threads?.["vcpu"]?.flatMap(({ events }) => events)).toEqual([]);
  });

  test("may be stopped only while there are several: alone a vCPU runs on", () => {
    const [, , alone] = recordsOf(
      ram(16),
      {
        do: "threads",
        threads: { one: [read], two: [mmio] },
        schedule: [{ run: "one", until: "mmu_lock.acquire" }],
      },
      read,
    );
    expect(alone?.result).toMatchObject({ outcome: "hit" });
  });
});

test("a run that breaks down ends there, with what happened and where", () => {
  const scenario = aCaseThat(ram(16), { do: "access", vcpu: 0, gva: "0x5000" }, read);
  const { steps, failure } = record(scenario);
  expect(steps).toHaveLength(2);
  expect(failure).toEqual({
    pointer: "/steps/2",
    kind: "crashed",
    message: "ModelBug: vCPU 0 runs without page tables of its own: an access needs a gpa",
  });
});

test("a guest table that lies in no memory breaks the run down", () => {
  const { failure } = record(aCaseThat({ do: "write_guest_table", gpa: "0x13000", entry: "0x7" }));
  expect(failure?.message).toBe("KernelBug: no memory is at guest physical address 0x13000");
});

test("a run is a function of its case: it comes out the same again", () => {
  const scenario = aCaseThat(ram(16), read, mmio, { do: "snapshot" }, { do: "shrink" });
  expect(record(scenario)).toEqual(record(scenario));
});

test("a record is JSON: nothing is lost on the wire", () => {
  const scenario = aCaseThat(ram(16), read, mmio, { do: "snapshot" }, { do: "facts" });
  expect(JSON.parse(JSON.stringify(record(scenario)))).toEqual(record(scenario));
});

describe("the machine of a case", () => {
  test("is the default one where nothing is said", () => {
    expect(machineOf({})).toEqual(DEFAULT_MACHINE);
  });

  test("has every parameter that the format knows", () => {
    const machine: Required<Machine> = {
      ...{ address_spaces: 1, physical_address_width: 46, paging: "shadow" },
      ...{ mmio_generation_bits: 5, preempt: true, page_budget: 1000, host_page_size: "2M" },
      resident: [{ hva: "0x10000000", npages: 4 }],
    };
    expect(() =>
      parseCase(JSON.stringify(aCase({ machine })), "p11.small.case.json"),
    ).not.toThrow();
    expect(machineOf(machine)).toEqual({
      ...{ addressSpaces: 1, physicalAddressWidth: 46, paging: "shadow" },
      ...{ mmioGenerationBits: 5, preempt: true, pageBudget: 1000, hostPageLevel: 2 },
      ...{ resident: [{ hva: 0x10000000, npages: 4 }], architecture: "x86" },
    });
  });

  test("may have a budget of pages that follows the guest, said aloud", () => {
    expect(machineOf({ page_budget: null, resident: "all" })).toEqual(DEFAULT_MACHINE);
  });
});

test("the reference offers whatever a case may need", async () => {
  const implementation = referenceImplementation(composition, "reference");
  expect(implementation.name).toBe("reference");
  expect(implementation.offers("point:spte.mark")).toBe(true);
  expect(await implementation.record(aCaseThat(read))).toEqual(record(aCaseThat(read)));
});
