import { describe, expect, test } from "vitest";
import { parseFtrace } from "../../../src/adapters/recording/ftrace.ts";
import { type Told, Vocabulary } from "../../../src/adapters/recording/vocabulary.ts";

/** What is told by events, one after the other. */
function told(...events: string[]): Told[] {
  const vocabulary = new Vocabulary();
  return events.map((event) => {
    const line = parseFtrace(`drive-155 [000] .... 7.5: ${event}`);
    if (line === null || !("event" in line)) throw new Error(`no event: ${event}`);
    return vocabulary.tell(line);
  });
}

const observed = (event: string) => told(event)[0]!.observation;

const PAGE = { gfn: "400", level: "1", role: "q0 direct wux", root: "0", state: "sync" };

describe("a shadow page is read as each kernel prints it", () => {
  test.each([
    { by: "v5.0", text: "sp gen 1f gfn 400 l1 q0 direct wux !nxe ad root 0 sync", gen: "1f" },
    { by: "patch 20", text: "sp gfn 400 l1 q0 direct wux !nxe ad root 0 sync", gen: undefined },
    { by: "v5.2", text: "sp gfn 400 l1 8-byte q0 direct wux !nxe ad root 0 sync", gen: undefined },
    { by: "v6.1", text: "sp gen 1 gfn 400 l1 8-byte q0 direct wux nxe ad root 0 sync", gen: "1" },
    {
      by: "the plugin of trace-cmd",
      text: "sp gfn 400 1 q0 direct wux !pae !nxe !wp root 0 sync",
      gen: undefined,
    },
  ])("$by", ({ text, gen }) => {
    const fields = { ...(gen !== undefined && { gen }), ...PAGE };
    expect(observed(`kvm_mmu_prepare_zap_page: ${text}`)).toEqual({ kind: "prepare_zap", fields });
    expect(observed(`kvm_mmu_sync_page: ${text}`)).toEqual({ kind: "sync_page", fields });
    expect(observed(`kvm_mmu_unsync_page: ${text}`)).toEqual({ kind: "unsync_page", fields });
    const found = { kind: "get_page", fields: { ...fields, page: "existing" } };
    expect(observed(`kvm_mmu_get_page: ${text} existing`)).toEqual(found);
    expect(observed(`kvm_mmu_get_page: existing ${text}`)).toEqual(found);
  });

  test("of a guest with page tables of its own, zapped, in use, out of step", () => {
    expect(
      observed("kvm_mmu_prepare_zap_page: sp gfn 30 l4 pae q3 w-x invalid !nxe !ad root 2 unsync"),
    ).toEqual({
      kind: "prepare_zap",
      fields: { gfn: "30", level: "4", role: "q3 w-x invalid", root: "2", state: "unsync" },
    });
  });
});

test("only what kernels print tells whether they print the generation", () => {
  const shows = (text: string) => told(`kvm_mmu_prepare_zap_page: ${text}`)[0]!.showsValidGen;
  expect(shows("sp gen 1f gfn 400 l1 q0 direct wux !nxe ad root 0 sync")).toBe(true);
  expect(shows("sp gfn 400 l1 q0 direct wux !nxe ad root 0 sync")).toBe(false);
  expect(shows("sp gfn 400 1 q0 direct wux !pae !nxe !wp root 0 sync")).toBeUndefined();
});

test.each([
  {
    event: "mark_mmio_spte: sptep:(____ptrval____) gfn d0 access 6 gen fff72",
    kind: "mark_mmio_spte",
    fields: { gfn: "d0", access: "6", gen: "fff72" },
  },
  {
    event: "mark_mmio_spte: sptep:000000004bca988a gfn d0 access 7 gen 4",
    kind: "mark_mmio_spte",
    fields: { gfn: "d0", access: "7", gen: "4" },
  },
  {
    event: "check_mmio_spte: spte 404800f8000d0027 kvm_gen a spte-gen 4 valid 0",
    kind: "check_mmio_spte",
    fields: { spte: "404800f8000d0027", kvm_gen: "a", "spte-gen": "4", valid: "0" },
  },
  {
    event: "handle_mmio_page_fault: addr:0 gfn d0 access 6",
    kind: "handle_mmio_page_fault",
    fields: { addr: "0", gfn: "d0", access: "6" },
  },
  {
    event: "kvm_mmu_invalidate_zap_all_pages: kvm-mmu-valid-gen 14 used_pages c",
    kind: "fast_invalidate",
    fields: { "valid-gen": "14", used_pages: "c" },
  },
  {
    event: "kvm_mmu_zap_all_fast: kvm-mmu-valid-gen 0 used_pages 5",
    kind: "fast_invalidate",
    fields: { "valid-gen": "0", used_pages: "5" },
  },
  {
    event: "kvm_page_fault: address d0010 error_code c",
    kind: "page_fault",
    fields: { address: "d0010", access: "read reserved" },
  },
  {
    event: "kvm_page_fault: vcpu 0 rip 0x1000 address 0x0000000000020000 error_code 0x100000007",
    kind: "page_fault",
    fields: { address: "20000", access: "write present" },
  },
  {
    event: "kvm_mmio: mmio unsatisfied-read len 1 gpa 0xd0010 val 0x0",
    kind: "mmio_exit",
    fields: { gpa: "d0010", access: "read" },
  },
  {
    event: "kvm_mmio: mmio write len 4 gpa 0x700000 val 0x77",
    kind: "mmio_exit",
    fields: { gpa: "700000", access: "write" },
  },
])("$event", ({ event, kind, fields }) => {
  expect(observed(event)).toEqual({ kind, fields });
});

test.each([
  "kvm_mmu_get_page: sp gfn",
  "kvm_mmu_prepare_zap_page: ",
  "mark_mmio_spte: gfn d0",
  "check_mmio_spte: spte 7ff",
  "kvm_page_fault: address zz error_code 4",
  "kvm_mmio: mmio peek len 1",
])("a known event in an unknown form is not read: %s", (event) => {
  expect(told(event)).toEqual([{ unread: true }]);
});

test.each([
  "kvm_exit: reason npf rip 0x1000 info 100000014 1000",
  "kvm_mmio: mmio read len 1 gpa 0xd0010 val 0x5a",
  "tlb_local: (svm_flush_tlb+0x0/0x30)",
  "sched_switch: prev_comm=a ==> next_comm=b",
])("what nobody compares says nothing: %s", (event) => {
  expect(told(event)).toEqual([{}]);
});

describe("probes", () => {
  test.each([
    { event: "flush_remote", called: "kvm_flush_remote_tlbs", kind: "remote_flush" },
    { event: "k_kvm_flush_remote_tlbs", called: "kvm_flush_remote_tlbs", kind: "remote_flush" },
    { event: "reload_remote", called: "kvm_reload_remote_mmus", kind: "reload" },
    { event: "commit", called: "kvm_mmu_commit_zap_page", kind: "commit" },
    { event: "lockbreak", called: "__cond_resched_lock", kind: "lock_break" },
    { event: "fastinv", called: "kvm_mmu_invalidate_zap_all_pages", kind: "call_fast_invalidate" },
    {
      event: "k_kvm_mmu_zap_all_fast",
      called: "kvm_mmu_zap_all_fast",
      kind: "call_fast_invalidate",
    },
    { event: "zapall", called: "kvm_mmu_zap_all", kind: "call_zap_all" },
    { event: "zapall_walk", called: "__kvm_mmu_zap_all", kind: "call_walk" },
    { event: "zapmmio", called: "kvm_mmu_zap_mmio_sptes", kind: "call_zap_mmio" },
    { event: "shadow_all", called: "kvm_arch_flush_shadow_all", kind: "call_flush_shadow_all" },
    {
      event: "slotflush",
      called: "kvm_mmu_invalidate_zap_pages_in_memslot",
      kind: "call_slot_flush",
    },
  ])("$event is a call of $called, by name or by address", ({ event, called, kind }) => {
    const expected = [{ called, observation: { kind, fields: {} } }];
    expect(told(`${event}: (${called}+0x0/0x60)`)).toEqual(expected);
    expect(told(`${event}: (ffffffffc05a3c80)`)).toEqual(expected);
  });

  test("of a function that nobody compares, the call is told all the same", () => {
    expect(told("k_kvm_set_memslot: (kvm_set_memslot+0x0/0x4c0 [kvm])")).toEqual([
      { called: "kvm_set_memslot" },
    ]);
  });

  test("on return say nothing", () => {
    expect(told("slotflush_ret: (kvm_page_track_flush_slot+0x5f/0x90 <- f)")).toEqual([{}]);
  });

  test.each([
    { printed: "unsigned hexadecimal", text: "newgen=0x8000000000000002 as0=0xa as1=0x1" },
    { printed: "signed decimal", text: "newgen=-9223372036854775806 as0=10 as1=1" },
    { printed: "signed hexadecimal", text: "newgen=-0x7ffffffffffffffe as0=0xa as1=0x01" },
  ])("generations printed as $printed come as unsigned hexadecimal", ({ text }) => {
    const fields = { gen: "8000000000000002", as0: "a", as1: "1" };
    expect(observed(`updated: (f+0x0/0x1) ${text}`)).toEqual({ kind: "hook", fields });
  });

  test("tell what they were told to print, and of an install the address space alone", () => {
    expect(observed("invmmio: (f+0x0/0x1) gen=-146")).toEqual({
      ...{ kind: "wrap_check", fields: { gen: "ffffffffffffff6e" } },
    });
    expect(observed("install: (f+0x0/0x1) as=1 old=-148")).toEqual({
      ...{ kind: "install", fields: { as: "1" } },
    });
    expect(observed("k_install_new_memslots: (f+0x0/0x1)")).toEqual({
      ...{ kind: "install", fields: {} },
    });
  });

  const kinds = (...events: string[]) =>
    told(...events.map((event) => `${event}: (f+0x0/0x1)`)).map(({ observation }) =>
      observation === undefined ? null : observation.kind,
    );

  test("a free belongs to the commit before it, whatever flushes and exits lie between", () => {
    expect(kinds("commit", "flush_remote", "kvm_exit", "kmfree", "kmfree")).toEqual([
      ...["commit", "remote_flush", null, "free", "free"],
    ]);
  });

  test("a free without a commit, or after something else, is of a spare page and left out", () => {
    expect(kinds("kmfree", "commit", "reload_remote", "kmfree")).toEqual([
      ...[null, "commit", "reload", null],
    ]);
  });
});

test("markers come from the trace file and from trace-cmd alike", () => {
  expect(told("tracing_mark_write: CMD 2 vm", "print: tracing_mark_write: CMD 2 vm")).toEqual([
    { marker: "CMD 2 vm" },
    { marker: "CMD 2 vm" },
  ]);
});
