import { describe, expect, test } from "vitest";
import type { LayoutProbes } from "../../../src/adapters/kernel/layout-probes.ts";
import { TraceReader } from "../../../src/adapters/kernel/trace-reader.ts";
import type { EventName } from "../../../src/scenario/case.generated.ts";

const ALL: readonly EventName[] = [
  ...(["page_fault", "get_page", "prepare_zap", "commit", "remote_flush", "reload"] as const),
  ...(["check_mmio_spte", "handle_mmio_page_fault", "lock_break"] as const),
  "invalidate_zap_all_pages",
];

const line = (event: string): string =>
  `            init-1       [000] .....     9.688957: ${event}`;

/** What is read of events of a vCPU 0 whose slots the guest's code has moved by one install. */
const read = (...events: readonly string[]) =>
  new TraceReader(new Set(ALL), (generation) => generation - 2n).read(events.map(line), 0);

const ENTRY = "kvm_entry: vcpu 0, rip 0x80000000c0";
const fault = (address: string, code = "0x100000004"): string =>
  `kvm_page_fault: vcpu 0 rip 0x80000000c0 address ${address} error_code ${code}`;
const commit = (first: string, last: string, list: string): string =>
  `commit: (kvm_mmu_commit_zap_page+0x0/0xe0 [kvm]) first=${first} last=${last} list=${list}`;
const STUB_FAULT = fault("0x0000008000001008", "0x200000006");
const page = (gfn: string, level: number, more = "root 0 sync", flags = ""): string =>
  `sp gen 0 gfn ${gfn} l${level} 8-byte q0 direct wux ${flags}nxe ad ${more}`;

describe("the trace of a live kernel", () => {
  test("tells faults and shadow pages", () => {
    const { events, faults } = read(
      fault("0x0000000000005000"),
      `kvm_mmu_get_page: ${page("0", 1, "root 0 sync new")}`,
    );
    const fields = { direct: true, access: 7, smm: false, invalid: false, root_count: 0 };
    expect(faults).toBe(1);
    expect(events).toEqual([
      { event: "page_fault", vcpu: 0, address: "0x5000", error_code: 4 },
      { event: "get_page", gfn: "0x0", level: 1, ...fields, unsync: false, created: true },
    ]);
  });

  test("without what the guest's code needs", () => {
    const { events, faults } = read(
      ENTRY,
      STUB_FAULT,
      `kvm_mmu_get_page: ${page("8000000", 3, "root 0 sync new")}`,
      "flush_remote: (kvm_flush_remote_tlbs+0x0/0x50 [kvm]) caller=kvm_mmu_get_page+0x1/0x2 [kvm]",
      ENTRY,
      `kvm_mmu_prepare_zap_page: ${page("8000000", 2)}`,
      `kvm_mmu_prepare_zap_page: ${page("ffe00", 1)}`,
      `kvm_mmu_prepare_zap_page: ${page("ffe04", 2)}`,
    );
    expect({ events, faults }).toEqual({ events: [], faults: 0 });
  });

  test("with what comes after the guest is entered again", () => {
    const flush = "flush_remote: (kvm_flush_remote_tlbs+0x0/0x50 [kvm]) caller=f+0x1/0x2 [kvm]";
    expect(read(STUB_FAULT, ENTRY, flush).events).toEqual([{ event: "remote_flush", reason: "f" }]);
  });

  test("counts what a commit frees, and knows an empty list", () => {
    const { events } = read(
      `kvm_mmu_prepare_zap_page: ${page("200", 1)}`,
      commit("0xff48", "0xff48", "0xff48"),
      `kvm_mmu_prepare_zap_page: ${page("0", 4, "root 1 sync")}`,
      `kvm_mmu_prepare_zap_page: ${page("8000000", 1)}`,
      `kvm_mmu_prepare_zap_page: ${page("0", 3)}`,
      commit("0xff30", "0xff30", "0xff48"),
      commit("0xff30", "0xff30", "0xff48"),
    );
    expect(events.filter(({ event }) => event === "commit")).toEqual([
      { event: "commit", pages: 2 },
    ]);
    expect(events.filter(({ event }) => event === "prepare_zap")).toMatchObject([
      { gfn: "0x200", returned: 1 },
      { gfn: "0x0", level: 4, root_count: 1, returned: 0 },
      { gfn: "0x0", level: 3, returned: 1 },
    ]);
  });

  test.each([
    ["", "as little as it takes"],
    ["gfn=0x200 role=0x11 root_count=0 unsync=0 ", "what is told of the page, too"],
  ])("counts what is on the list of a commit only: %j, %s", (more) => {
    const zap = (gfn: string, address: string, list: string): string[] => [
      `prepare: (kvm_mmu_prepare_zap_page+0x0/0x1f0 [kvm]) page=${address} ${more}list=${list}`,
      `kvm_mmu_prepare_zap_page: ${page(gfn, 1)}`,
    ];
    const { events } = read(
      // Nobody frees these two (E6): one is on another list, one on one that stood here before.
      ...zap("200", "0xa0", "0xffe0"),
      ...zap("400", "0xb0", "0xff48"),
      ...zap("600", "0xc0", "0xff48"),
      ...zap("8000000", "0xd0", "0xff48"),
      ...zap("800", "0xe0", "0xff48"),
      commit("0xe0", "0xc0", "0xff48"),
    );
    expect(events.at(-1)).toEqual({ event: "commit", pages: 2 });
  });

  test("leaves out what a walk does again for a page of the guest's code", () => {
    const zap = (gfn: string, level: number, more = "root 0 sync", flags = ""): string =>
      `kvm_mmu_prepare_zap_page: ${page(gfn, level, more, flags)}`;
    const root = zap("0", 4, "root 1 sync");
    const again = zap("0", 4, "root 1 sync", "invalid ");
    const { events } = read(
      ...[root, zap("200", 1), again, zap("8000000", 3), again, zap("8000000", 2), again],
      ...[zap("0", 3), again],
    );
    expect(events.map(({ gfn, level, invalid }) => [gfn, level, invalid])).toEqual([
      ["0x0", 4, false],
      ["0x200", 1, false],
      ["0x0", 4, true],
      ["0x0", 3, false],
      ["0x0", 4, true],
    ]);
  });

  test("does not count pages of the guest's code as used", () => {
    const reader = new TraceReader(new Set(ALL), (same) => same);
    const created = (gfn: string): string => `kvm_mmu_get_page: ${page(gfn, 1, "root 0 sync new")}`;
    reader.read([STUB_FAULT, created("8000000"), created("8000001"), ENTRY].map(line), 0);
    reader.read([`kvm_mmu_prepare_zap_page: ${page("8000001", 1)}`].map(line), 0);
    const invalidate = "kvm_mmu_invalidate_zap_all_pages: kvm-mmu-valid-gen 1 used_pages 5";
    expect(reader.read([line(invalidate)], 0).events).toMatchObject([{ used_pages: 4 }]);
  });

  test.each([
    ["kvm_mmu_get_page", "sp gfn 0 l1 8-byte q0 direct and so on"],
    ["kvm_page_fault", "vcpu 0 rip 0x80000000c0 at 0x5000"],
  ])("says what it cannot read: a %s like %s", (what, text) => {
    expect(read(`${what}: ${text}`).unread).toEqual({ what, text });
    expect(read(`other: ${text}`).unread).toBe(null);
  });

  test("says that something was lost", () => {
    const lost = "CPU:0 [LOST 12 EVENTS]";
    expect(new TraceReader(new Set(), (same) => same).read([lost], 0).unread).toEqual({
      ...{ what: "trace", text: lost },
    });
  });

  test("counts unsync descendants with the page that takes them along", () => {
    const zap = (gfn: string, level: number, state: string): string =>
      `kvm_mmu_prepare_zap_page: sp gen 0 gfn ${gfn} l${level} 8-byte q0 wux nxe ad root 0 ${state}`;
    const { events } = read(zap("80", 3, "sync"), zap("83", 1, "unsync"), zap("82", 2, "sync"));
    expect(events.map(({ returned }) => returned)).toEqual([2, 1, 1]);
  });

  test("tells a request for new roots from other requests", () => {
    const request = (caller: string): string =>
      `request_all: (kvm_make_all_cpus_request+0x0/0x10 [kvm]) caller=${caller}+0x61/0x1e0 [kvm]`;
    const { events } = read(
      request("kvm_arch_vcpu_ioctl_run"),
      request("kvm_flush_remote_tlbs"),
      request("kvm_mmu_zap_all_fast"),
    );
    expect(events).toEqual([{ event: "reload" }]);
  });

  test("tells generations as they were without the guest's code", () => {
    const { events, last } = read(
      fault("0x0000000000200000", "0x10000000c"),
      "check_mmio_spte: spte 404800f800200037 kvm_gen 8 spte-gen 6 valid 0",
    );
    expect(events[1]).toEqual({
      ...{ event: "check_mmio_spte", raw: "0x404800f800200037", valid: false },
      ...{ kvm_gen: "0x6", spte_gen: "0x4" },
    });
    expect(last).toEqual({ reserved: true, asked: true, bySpte: false, emulated: false });
  });

  test("is that of the program inside only", () => {
    const other = line("reload: (kvm_reload_remote_mmus+0x0/0x50 [kvm])").replace(
      "init-1",
      "kswapd-23",
    );
    expect(new TraceReader(new Set(ALL), (same) => same).read([other], 0).events).toEqual([]);
  });

  test("says of the last fault what answered it", () => {
    const reserved = fault("0x0000000000200000", "0x10000000c");
    const ask = "check_mmio_spte: spte 404800f800200037 kvm_gen 8 spte-gen 6 valid 0";
    const emulate = "kvm_emulate_insn: 0:80000000c0:48 8b 03 (prot64)";
    const answer = "handle_mmio_page_fault: addr:200000 gfn 200 access 7";
    expect(read(reserved, ask, emulate).last).toMatchObject({ asked: true, emulated: true });
    expect(read(reserved, answer).last).toMatchObject({ bySpte: true, emulated: false });
    expect(read(reserved, answer, fault("0x0000000000300000")).last).toMatchObject({
      ...{ reserved: false, bySpte: false },
    });
  });

  test("tells that pages of the guest's code have made room after a fault of the case", () => {
    const made = `kvm_mmu_get_page: ${page("8000000", 3, "root 0 sync new")}`;
    const zapped = `kvm_mmu_prepare_zap_page: ${page("8000000", 3)}`;
    const reader = new TraceReader(new Set(ALL), (generation) => generation);
    const tells = (...events: readonly string[]): boolean =>
      reader.read(events.map(line), 0).zapsStub;
    expect(tells(STUB_FAULT, made)).toBe(false);
    expect(tells(fault("0x5000"), zapped, STUB_FAULT, made)).toBe(true);
    // A slot that goes takes them with it.
    expect(tells(zapped)).toBe(false);
    expect(tells(fault("0x5000"))).toBe(false);
  });

  test("tells what comes out of the cache of shadow pages, if it was one that was zapped", () => {
    const layouts: LayoutProbes = {
      probes: [],
      srcu: 0x18,
      roleOf: (word) => ({
        ...{ level: Number(word & 15n), direct: true, access: 7 },
        ...{ smm: (word & 16n) !== 0n, invalid: (word & 32n) !== 0n },
      }),
    };
    const events: EventName[] = ["free", "prepare_zap", "warn", "mark_mmio_spte"];
    const reader = new TraceReader(new Set(events), (generation) => generation, layouts);
    const probe = (name: string, address: string, gfn: string, role: string): string =>
      `${name}: (f+0x0/0x470 [kvm]) page=${address} gfn=${gfn} role=${role} root_count=0 unsync=1`;
    const told = reader.read(
      [
        `kvm_mmu_get_page: ${page("200", 1, "root 0 sync new")}`,
        probe("prepare", "0xff10", "0x200", "0x11"),
        `kvm_mmu_prepare_zap_page: ${page("200", 1)}`,
        probe("free", "0xff10", "0x200", "0x31"),
        probe("free", "0xff10", "0x200", "0x31"),
        probe("prepare", "0xff20", "0x8000000", "0x1"),
        `kvm_mmu_prepare_zap_page: ${page("8000000", 1)}`,
        probe("free", "0xff20", "0x8000000", "0x21"),
        "mark_mmio_spte: sptep:00000000d2ca1f7e gfn 300 access 6 gen 2",
        "warn: (__warn+0x0/0x1a0) where=make_mmio_spte+0xc1/0xd0 [kvm]",
      ].map(line),
      0,
    );
    expect(told.unread).toBe(null);
    expect(told.events).toMatchObject([
      { event: "prepare_zap", gfn: "0x200", smm: true },
      { event: "free", gfn: "0x200", level: 1, smm: true, invalid: true, unsync: true },
      { event: "mark_mmio_spte", gfn: "0x300", access: 6, generation: "0x2" },
      { event: "warn", where: "make_mmio_spte" },
    ]);
    expect(reader.counters).toEqual({ pages_allocated: 1, pages_freed: 1 });
  });
});
