import { describe, expect, test } from "vitest";
import { judgeFacts, judgeSnapshot } from "../../src/conformance/judge-snapshot.ts";
import type { FactsStep, SnapshotStep } from "../../src/scenario/case.generated.ts";

type SnapshotExpectation = NonNullable<SnapshotStep["expect"]>;
type FactsExpectation = NonNullable<FactsStep["expect"]>;

const SNAPSHOT = {
  memslots: [
    { as: 0, generation: "0x4", in_flux: false, slots: [1, 2] },
    { as: 1, generation: "0x1", in_flux: false, slots: [] },
  ],
  pages: [
    { gfn: "0x0", level: 1, direct: true },
    { gfn: "0x200", level: 1, direct: true },
    { gfn: "0x0", level: 4, direct: true },
  ],
  entries: [{ kind: "leaf", gfn: "0x5", level: 1, hva: "0x10005000", writable: true, raw: "0x7" }],
  tlb: [{ hva: "0x10005000", writable: true }, "absent"],
  vcpus: [
    {
      cache: { gva: "0x0", gfn: "0x700", generation: "0x4", matches: true },
      requests: ["MMU_RELOAD", "TLB_FLUSH"],
    },
    { cache: null, requests: [] },
  ],
  counters: { used_pages: 3, faults: 7 },
};

const judged = (expect: SnapshotExpectation) =>
  judgeSnapshot({ do: "snapshot", expect }, SNAPSHOT, "/at");

const at = { vcpu: 0, gpa: "0x5000" };

describe("each part of a snapshot", () => {
  const parts: {
    part: string;
    holds: SnapshotExpectation;
    fails: SnapshotExpectation;
    pointer: string;
    expected: string;
    seen: string;
  }[] = [
    {
      part: "memslots",
      holds: {
        memslots: [
          { as: 1, slots: [] },
          { as: 0, generation: "0x4", slots: [1, 2] },
        ],
      },
      fails: {
        memslots: [
          { as: 1, slots: [] },
          { as: 0, generation: "0x6", in_flux: false },
        ],
      },
      pointer: "/at/memslots/1",
      expected: "address space 0: generation 0x6, in_flux false",
      seen: "generation 0x4, in_flux false",
    },
    {
      part: "memslots: ids of slots",
      holds: { memslots: [{ as: 0, slots: [1, 2] }] },
      fails: { memslots: [{ as: 0, slots: [1] }] },
      pointer: "/at/memslots/0",
      expected: "address space 0: slots 1",
      seen: "slots 1, 2",
    },
    {
      part: "pages",
      holds: { pages: [{ count: 3 }, { where: { level: 1, gfn: ["0x0", "0x1"] }, count: 1 }] },
      fails: { pages: [{ where: { level: 1 }, count: { max: 1 } }] },
      pointer: "/at/pages/0",
      expected: "at most 1 shadow pages with level 1",
      seen: "2",
    },
    {
      part: "entries",
      holds: { entries: [{ ...at, is: { kind: "leaf", writable: true } }] },
      fails: { entries: [{ ...at, is: { kind: "leaf", hva: "0x20000000" } }] },
      pointer: "/at/entries/0",
      expected: "the entry for 0x5000: kind leaf, hva 0x20000000",
      seen: "kind leaf, hva 0x10005000",
    },
    {
      part: "cache",
      holds: { cache: [{ vcpu: 0, is: { gfn: "0x700", matches: true } }] },
      fails: { cache: [{ vcpu: 0, is: { matches: false } }] },
      pointer: "/at/cache/0",
      expected: "the MMIO cache of vCPU 0: matches false",
      seen: "matches true",
    },
    {
      part: "cache: an empty one",
      holds: { cache: [{ vcpu: 1, is: null }] },
      fails: { cache: [{ vcpu: 1, is: { matches: false } }] },
      pointer: "/at/cache/0",
      expected: "the MMIO cache of vCPU 1: matches false",
      seen: "null",
    },
    {
      part: "cache: one that should be empty",
      holds: { cache: [{ vcpu: 1, is: null }] },
      fails: { cache: [{ vcpu: 0, is: null }] },
      pointer: "/at/cache/0",
      expected: "the MMIO cache of vCPU 0: null",
      seen: "gva 0x0, gfn 0x700, generation 0x4, matches true",
    },
    {
      part: "tlb",
      holds: {
        tlb: [
          { ...at, is: { writable: true } },
          { ...at, is: "absent" },
        ],
      },
      fails: { tlb: [{ ...at, is: "absent" }] },
      pointer: "/at/tlb/0",
      expected: "the TLB for 0x5000: absent",
      seen: "hva 0x10005000, writable true",
    },
    {
      part: "tlb: a translation that should be there",
      holds: { tlb: [{ ...at, is: { hva: "0x10005000" } }] },
      fails: {
        tlb: [
          { ...at, is: { writable: true } },
          { ...at, is: { writable: true } },
        ],
      },
      pointer: "/at/tlb/1",
      expected: "the TLB for 0x5000: writable true",
      seen: "absent",
    },
    {
      part: "requests, in any order",
      holds: {
        requests: [
          { vcpu: 0, is: ["TLB_FLUSH", "MMU_RELOAD"] },
          { vcpu: 1, is: [] },
        ],
      },
      fails: { requests: [{ vcpu: 0, is: [] }] },
      pointer: "/at/requests/0",
      expected: "requests of vCPU 0: none",
      seen: "MMU_RELOAD, TLB_FLUSH",
    },
    {
      part: "counters",
      holds: { counters: { used_pages: 3, faults: { min: 1, max: 7 } } },
      fails: { counters: { used_pages: 3, faults: { max: 6 } } },
      pointer: "/at/counters/faults",
      expected: "faults at most 6",
      seen: "7",
    },
    {
      part: "counters: one that is not there",
      holds: { counters: { used_pages: 3 } },
      fails: { counters: { reloads: 0 } },
      pointer: "/at/counters/reloads",
      expected: "reloads 0",
      seen: "nothing",
    },
  ];

  test.each(parts)("can hold: $part", ({ holds }) => {
    expect(judged(holds)).toEqual([]);
  });

  test.each(parts)("can fail: $part", ({ fails, pointer, expected, seen }) => {
    expect(judged(fails)).toEqual([{ pointer, expected, seen }]);
  });

  test("that an implementation has not shown, fails", () => {
    const everything: SnapshotExpectation = {
      memslots: [{ as: 0, slots: [] }],
      pages: [{ count: { min: 1 } }],
      entries: [{ ...at, is: { kind: "none" } }],
      cache: [{ vcpu: 0, is: null }],
      tlb: [{ ...at, is: "absent" }],
      requests: [{ vcpu: 0, is: [] }],
      counters: { faults: 0 },
    };
    const violations = judgeSnapshot({ do: "snapshot", expect: everything }, {}, "/at");
    expect(violations.map(({ pointer }) => pointer)).toEqual([
      ...["/at/memslots/0", "/at/pages/0", "/at/entries/0", "/at/tlb/0", "/at/cache/0"],
      ...["/at/requests/0", "/at/counters/faults"],
    ]);
  });
});

test("a snapshot of which nothing is expected only looks", () => {
  expect(judgeSnapshot({ do: "snapshot" }, SNAPSHOT, "/at")).toEqual([]);
});

const FACTS = {
  memslot_update_in_progress_bit: null,
  mmio_generation_width: 32,
  hook_argument: "memslots",
  tracepoints: { mark_mmio_spte: ["gfn", "access", "gen"], check_mmio_spte: ["spte"] },
  mmu_document: ["mmio-generation"],
  operations: ["is_obsolete_sp", "slot_handle_level", "kvm_mmu_zap_all"],
};

describe("each declared fact", () => {
  const facts: {
    fact: string;
    holds: FactsExpectation;
    fails: FactsExpectation;
    pointer: string;
    expected: string;
    seen: string;
  }[] = [
    {
      fact: "the bit of the flag",
      holds: { memslot_update_in_progress_bit: null },
      fails: { memslot_update_in_progress_bit: 63 },
      pointer: "/at/memslot_update_in_progress_bit",
      expected: "memslot_update_in_progress_bit 63",
      seen: "null",
    },
    {
      fact: "the width of a generation",
      holds: { mmio_generation_width: 32 },
      fails: { mmio_generation_width: 64 },
      pointer: "/at/mmio_generation_width",
      expected: "mmio_generation_width 64",
      seen: "32",
    },
    {
      fact: "the argument of the hook",
      holds: { hook_argument: "memslots" },
      fails: { hook_argument: "generation" },
      pointer: "/at/hook_argument",
      expected: "hook_argument generation",
      seen: "memslots",
    },
    {
      fact: "the fields of a tracepoint",
      holds: { tracepoints: { mark_mmio_spte: ["gfn", "access", "gen"] } },
      fails: { tracepoints: { check_mmio_spte: ["spte"], mark_mmio_spte: ["gfn", "gen"] } },
      pointer: "/at/tracepoints/mark_mmio_spte",
      expected: "tracepoint mark_mmio_spte gfn, gen",
      seen: "gfn, access, gen",
    },
    {
      fact: "that a tracepoint does not exist",
      holds: { tracepoints: { kvm_mmu_invalidate_zap_all_pages: null } },
      fails: { tracepoints: { check_mmio_spte: null } },
      pointer: "/at/tracepoints/check_mmio_spte",
      expected: "tracepoint check_mmio_spte null",
      seen: "spte",
    },
    {
      fact: "the topics of the document, all of them",
      holds: { mmu_document: ["mmio-generation"] },
      fails: { mmu_document: ["mmu_valid_gen", "mmio-generation"] },
      pointer: "/at/mmu_document",
      expected: "mmu_document mmu_valid_gen, mmio-generation",
      seen: "mmio-generation",
    },
    {
      fact: "that an operation exists",
      holds: { operations: { present: ["is_obsolete_sp"] } },
      fails: { operations: { present: ["is_obsolete_sp", "__kvm_mmu_zap_all"] } },
      pointer: "/at/operations/present/1",
      expected: "__kvm_mmu_zap_all exists",
      seen: "it does not",
    },
    {
      fact: "that an operation does not exist",
      holds: { operations: { absent: ["__kvm_mmu_zap_all"] } },
      fails: { operations: { absent: ["__kvm_mmu_zap_all", "is_obsolete_sp"] } },
      pointer: "/at/operations/absent/1",
      expected: "is_obsolete_sp does not exist",
      seen: "it does",
    },
    {
      fact: "the order of operations",
      holds: { operations: { order: ["is_obsolete_sp", "kvm_mmu_zap_all"] } },
      fails: { operations: { order: ["kvm_mmu_zap_all", "is_obsolete_sp"] } },
      pointer: "/at/operations/order",
      expected: "kvm_mmu_zap_all before is_obsolete_sp",
      seen: "is_obsolete_sp before kvm_mmu_zap_all",
    },
    {
      fact: "the order of operations of which one is missing",
      holds: { operations: { order: ["is_obsolete_sp"] } },
      fails: { operations: { order: ["is_obsolete_sp", "__kvm_mmu_zap_all"] } },
      pointer: "/at/operations/order",
      expected: "is_obsolete_sp before __kvm_mmu_zap_all",
      seen: "is_obsolete_sp",
    },
  ];

  const judge = (expect: FactsExpectation) => judgeFacts({ do: "facts", expect }, FACTS, "/at");

  test.each(facts)("can hold: $fact", ({ holds }) => {
    expect(judge(holds)).toEqual([]);
  });

  test.each(facts)("can fail: $fact", ({ fails, pointer, expected, seen }) => {
    expect(judge(fails)).toEqual([{ pointer, expected, seen }]);
  });

  test("that an implementation does not declare, fails", () => {
    const { memslot_update_in_progress_bit: _bit, ...rest } = FACTS;
    const wanted = { do: "facts", expect: { memslot_update_in_progress_bit: null } } as const;
    expect(judgeFacts(wanted, rest, "/at")).toMatchObject([{ seen: "nothing" }]);
  });
});
