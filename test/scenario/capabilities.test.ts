import { describe, expect, test } from "vitest";
import type { EventExpectations, Step } from "../../src/scenario/case.generated.ts";
import { allSteps, neededCapabilities, relevantEvents } from "../../src/scenario/capabilities.ts";
import { loadCases } from "../../src/scenario/load-cases.ts";
import { aCase } from "../support/a-case.ts";

/** What a case with this one step needs, beside a machine of the usual kind. */
const needs = (step: Step): string[] =>
  neededCapabilities(aCase({ steps: [step] })).filter((name) => !name.startsWith("machine:"));

const shrink: Step = { do: "shrink" };

describe("a case needs", () => {
  test.each<{ what: string; step: Step; needed: string[] }>([
    { what: "the operation of a step", step: shrink, needed: ["operation:shrink"] },
    {
      what: "the operations inside repeat",
      step: { do: "repeat", times: 2, steps: [shrink] },
      needed: ["operation:repeat", "operation:shrink"],
    },
    {
      what: "the operations of threads and the points of their schedule",
      step: {
        do: "threads",
        threads: {
          one: [shrink],
          two: [{ do: "repeat", times: 2, steps: [{ do: "destroy_vm" }] }],
        },
        schedule: [
          { run: "one", until: "mmu_lock.acquire" },
          { repeat: 2, schedule: [{ run: "two", until: ["spte.mark", "blocked", "end"] }] },
          { run: "two" },
        ],
      },
      needed: [
        "operation:destroy_vm",
        "operation:repeat",
        "operation:shrink",
        "operation:threads",
        "point:mmu_lock.acquire",
        "point:spte.mark",
      ],
    },
    {
      what: "a probed function",
      step: { do: "probe", what: "encode_generation" },
      needed: ["operation:probe", "probe:encode_generation"],
    },
    {
      what: "what is injected",
      step: { do: "inject", what: "generation", as: 0, generation: "0x2" },
      needed: ["inject:generation", "operation:inject"],
    },
    {
      what: "the facts that it expects",
      step: { do: "facts", expect: { mmio_generation_width: 64, operations: { absent: [] } } },
      needed: ["fact:mmio_generation_width", "fact:operations", "operation:facts"],
    },
    {
      what: "the parts of a snapshot that it expects",
      step: {
        do: "snapshot",
        expect: {
          ...{ memslots: [], pages: [], cache: [], tlb: [], requests: [], counters: {} },
          entries: [{ vcpu: 0, gpa: "0x0", is: { kind: "none" } }],
        },
      },
      needed: [
        "operation:snapshot",
        "snapshot:cache",
        "snapshot:counters",
        "snapshot:entries",
        "snapshot:memslots",
        "snapshot:pages",
        "snapshot:requests",
        "snapshot:tlb",
      ],
    },
    {
      what: "raw entries where it expects them",
      step: {
        do: "snapshot",
        expect: { entries: [{ vcpu: 0, gpa: "0x0", is: { raw: "0x1" } }] },
      },
      needed: ["operation:snapshot", "snapshot:entries", "snapshot:entries.raw"],
    },
  ])("$what", ({ step, needed }) => {
    expect(needs(step)).toEqual(needed);
  });

  test("the parameters of its machine that are not those of every machine", () => {
    const machine = { preempt: true, paging: "npt", physical_address_width: 46 } as const;
    expect(neededCapabilities(aCase({ machine, steps: [shrink] }))).toEqual([
      "machine:address_spaces=2",
      "machine:paging=npt",
      "machine:physical_address_width=46",
      "machine:preempt=true",
      "operation:shrink",
    ]);
  });

  test("of a list the parameter alone, and as many address spaces as it has", () => {
    const machine = { address_spaces: 1, resident: [] };
    expect(neededCapabilities(aCase({ machine, steps: [shrink] }))).toEqual([
      "machine:address_spaces=1",
      "machine:resident",
      "operation:shrink",
    ]);
  });
});

describe("a case needs the events that it speaks of", () => {
  const all: EventExpectations = {
    counts: [{ event: "warn", count: 0 }],
    order: [{ event: "commit" }, { event: "free" }],
    exactly: { of: ["reload", "lock_break"], sequence: [{ event: "reload" }] },
  };
  const names = ["commit", "free", "lock_break", "reload", "warn"];

  test.each<{ where: string; scenario: ReturnType<typeof aCase> }>([
    { where: "of the whole case", scenario: aCase({ expect: all }) },
    { where: "of a step", scenario: aCase({ steps: [{ ...shrink, expect: { events: all } }] }) },
    {
      where: "of a step inside others",
      scenario: aCase({
        steps: [{ do: "repeat", times: 1, steps: [{ ...shrink, expect: { events: all } }] }],
      }),
    },
  ])("$where", ({ scenario }) => {
    expect([...relevantEvents(scenario)].sort()).toEqual(names);
    expect(neededCapabilities(scenario)).toEqual(
      expect.arrayContaining(names.map((name) => `event:${name}`)),
    );
  });

  test("and no others", () => {
    expect(relevantEvents(aCase())).toEqual(new Set());
  });
});

describe("a teardown", () => {
  const teardown: Step = { do: "flush_shadow_all" };
  test.each<{ what: string; steps: Step[]; needed: string }>([
    {
      what: "at the end may be that of a VM that goes",
      steps: [shrink, teardown],
      needed: "=last",
    },
    { what: "that something follows may not", steps: [teardown, shrink], needed: "" },
    { what: "may not if it is the second", steps: [teardown, teardown], needed: "" },
    {
      what: "may not if it is inside another step",
      steps: [{ do: "repeat", times: 1, steps: [teardown] }],
      needed: "",
    },
  ])("$what", ({ steps, needed }) => {
    const names = neededCapabilities(aCase({ steps }));
    expect(names.filter((name) => name.startsWith("operation:flush"))).toEqual([
      `operation:flush_shadow_all${needed}`,
    ]);
  });
});

describe("a slot that moves", () => {
  const region = (gpa: string, size = "0x200000", result?: "EEXIST"): Step => ({
    ...{ do: "set_memory_region", slot: 1, gpa, size, hva: "0x20000000" },
    ...(result !== undefined && { expect: { result } }),
  });
  const BUG = "bug:slot-arrays";

  test.each<{ what: string; steps: Step[]; needed: string[] }>([
    {
      what: "to another alignment needs one who tells what lies beyond its arrays",
      steps: [region("0x40000000"), region("0x280000")],
      needed: [BUG],
    },
    {
      what: "within its alignment does not",
      steps: [region("0x40000000"), region("0x200000")],
      needed: [],
    },
    {
      what: "to where it needs less does not, nor back again",
      steps: [region("0x280000"), region("0x40000000"), region("0x280000")],
      needed: [],
    },
    {
      what: "does if it does so inside another step",
      steps: [region("0x40000000"), { do: "repeat", times: 1, steps: [region("0x280000")] }],
      needed: [BUG],
    },
    {
      what: "and cannot does not",
      steps: [region("0x40000000"), region("0x280000", "0x200000", "EEXIST")],
      needed: [],
    },
    {
      what: "does not if it was made anew in between",
      steps: [region("0x40000000"), region("0x40000000", "0x0"), region("0x280000")],
      needed: [],
    },
  ])("$what", ({ steps, needed }) => {
    const all = neededCapabilities(aCase({ steps }));
    expect(all.filter((name) => name.startsWith("bug:"))).toEqual(needed);
  });
});

test("fields that a kernel does not print are needed by themselves", () => {
  const where = { reason: "kvm_mmu_get_page" };
  const expected: EventExpectations = {
    order: [{ event: "remote_flush", where }, { event: "free" }],
  };
  const names = neededCapabilities(aCase({ expect: expected }));
  expect(names).toContain("event:remote_flush.reason");
  expect(names).not.toContain("event:free.reason");
});

test("all steps are found, at any depth", () => {
  const threads: Step = {
    do: "threads",
    threads: { one: [{ do: "repeat", times: 2, steps: [shrink] }], two: [{ do: "destroy_vm" }] },
    schedule: [{ run: "one" }],
  };
  const kinds = [...allSteps([{ do: "repeat", times: 2, steps: [threads] }])].map(
    (step) => step.do,
  );
  expect(kinds).toEqual(["repeat", "threads", "repeat", "shrink", "destroy_vm"]);
});

test("whatever a fixture mentions by a name of the vocabulary, it needs", () => {
  for (const scenario of loadCases()) {
    const needed = new Set(
      neededCapabilities(scenario).map((name) => name.replace(/^[a-z]+:|=last$/g, "")),
    );
    const text = JSON.stringify(scenario);
    for (const [, name] of text.matchAll(/"(?:event|do)":"([^"]+)"/g)) {
      expect(needed, scenario.id).toContain(name);
    }
    for (const [, name] of text.matchAll(/"until":"([^"]+)"/g)) {
      if (name !== "blocked" && name !== "end") expect(needed, scenario.id).toContain(name);
    }
  }
});
