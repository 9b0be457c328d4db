import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { layer } from "../../src/conformance/profiles.ts";
import {
  contradictions,
  contradictionsIn,
  isAboutMmu,
  parseEvents,
  parseFormats,
  parseSymbols,
} from "../../src/conformance/trace-facts.ts";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";

const text = (name: string): string =>
  readFileSync(join(PACKAGE_ROOT, "fixtures/recordings/releases", name), "utf8");

const number = (layers: number[], facts: Parameters<typeof contradictions>[1]): number[] =>
  layers.filter((each) => contradictions(layer(each, "merged"), facts).length === 0);

const ALL = Array.from({ length: 28 }, (_, each) => each);
const between = (first: number, last: number): number[] =>
  ALL.filter((each) => each >= first && each <= last);

describe("tracepoints and their fields", () => {
  test.each([
    { kernel: "v5.0.1", agree: between(0, 18) },
    { kernel: "v5.2.1", agree: between(20, 27) },
    // Its fast invalidate has a name of its own, and the generation is back.
    { kernel: "debian-6.1", agree: [19] },
  ])("of $kernel are declared by layers $agree", ({ kernel, agree }) => {
    expect(number(ALL, { formats: parseFormats(text(`${kernel}.formats`)) })).toEqual(agree);
  });

  test.each([
    { kernel: "v5.0.1", agree: between(0, 18) },
    { kernel: "v5.2.1", agree: between(19, 27) },
    { kernel: "debian-6.1", agree: between(19, 27) },
  ])("by name alone, of $kernel by layers $agree", ({ kernel, agree }) => {
    expect(number(ALL, { events: parseEvents(text(`${kernel}.events`)) })).toEqual(agree);
  });

  test("are read from the format files that tracefs has", () => {
    const format = [
      "name: check_mmio_spte",
      "ID: 94",
      "format:",
      "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;",
      "",
      "\tfield:unsigned int kvm_gen;\toffset:8;\tsize:4;\tsigned:0;",
      "\tfield:void * sptep;\toffset:8;\tsize:8;\tsigned:0;",
      "\tfield:char comm[16];\toffset:8;\tsize:16;\tsigned:0;",
      "",
      'print fmt: "spte %llx", REC->spte',
      "name: other",
    ].join("\n");
    expect([...parseFormats(format)]).toEqual([
      ["check_mmio_spte", ["kvm_gen", "sptep", "comm"]],
      ["other", []],
    ]);
  });

  test.each([
    { what: "the folder of a system", lines: ["check_mmio_spte", "enable", "", "filter"] },
    {
      what: "available_events",
      lines: ["sched:sched_switch", "kvmmmu:check_mmio_spte", "kprobes:kvm_mmu_sync_page"],
    },
    {
      what: "perf list",
      lines: [
        "List of pre-defined events (to be used in -e or -M):",
        "  branch-instructions OR branches                    [Hardware event]",
        "  kvmmmu:check_mmio_spte                             [Tracepoint event]",
        "  probe:kvm_mmu_sync_page                            [Tracepoint event]",
      ],
    },
    { what: "bpftrace -l", lines: ["tracepoint:kvmmmu:check_mmio_spte"] },
    { what: "find", lines: ["/sys/kernel/tracing/events/kvmmmu/check_mmio_spte/format"] },
    { what: "an editor of Windows", lines: ["check_mmio_spte\r"] },
  ])("are known by name as they are listed by $what", ({ lines }) => {
    const found = parseEvents(`${lines.join("\n")}\n`);
    expect(found).toContain("check_mmio_spte");
    expect(found).not.toContain("kvm_mmu_sync_page");
    expect(isAboutMmu(found)).toBe(true);
  });

  test("are not looked for in any text", () => {
    const why = "line 3 is no name of a tracepoint: ";
    expect(() => parseEvents("Title\n\nThis is a README.\n")).toThrow(why);
    expect(isAboutMmu(parseEvents("sched:sched_switch\nsched_switch\n"))).toBe(false);
  });

  test("that a recording shows are there, whatever is declared", () => {
    const events = parseEvents("check_mmio_spte");
    const facts = contradictions(layer(27, "merged"), { events }, new Set(["mark_mmio_spte"]));
    const about = facts.map((each) => each.about);
    expect(about).toContain("tracepoint kvm_mmu_get_page");
    expect(about).not.toContain("tracepoint mark_mmio_spte");
    const formats = new Map([["check_mmio_spte", ["kvm_gen", "spte_gen", "spte"]]]);
    const all = new Set(parseEvents(text("v5.2.1.events")));
    expect(contradictions(layer(27, "merged"), { formats }, all)).toEqual([]);
  });

  test("that are otherwise are told with both sides", () => {
    const formats = new Map(parseFormats(text("v5.2.1.formats")));
    formats.set("mark_mmio_spte", ["gfn"]);
    expect(contradictions(layer(27, "merged"), { formats })).toEqual([
      {
        about: "tracepoint mark_mmio_spte",
        ...{ kernel: "fields gfn", model: "fields sptep, gfn, access, gen", line: null },
      },
    ]);
    const events = parseEvents("check_mmio_spte\nkvm_mmu_invalidate_zap_all_pages");
    expect(contradictions(layer(27, "merged"), { events })).toContainEqual({
      about: "tracepoint kvm_mmu_invalidate_zap_all_pages",
      ...{ kernel: "there", model: "not there", line: null },
    });
  });
});

describe("symbols", () => {
  test("are read from System.map and from kallsyms, whatever the compiler appended", () => {
    const table = [
      "ffffffff81000000 T kvm_mmu_zap_all",
      "0000000000000000 t is_obsolete_sp.isra.0\t[kvm]",
      "0000000000000000 t kvm_zap_obsolete_pages\t[kvm]",
    ].join("\n");
    expect([...parseSymbols(table)]).toEqual([
      ...["kvm_mmu_zap_all", "is_obsolete_sp", "kvm_zap_obsolete_pages"],
    ]);
  });

  test("are not looked for in any text", () => {
    expect(() => parseSymbols("ffffffff81000000 T a\nA b c\n")).toThrow("line 2 is no symbol: ");
  });

  test.each([
    { symbol: "kvm_mmu_zap_all", layers: between(21, 27) },
    { symbol: "kvm_mmu_zap_mmio_sptes", layers: between(13, 26) },
    { symbol: "kvm_mmu_invalidate_zap_all_pages", layers: between(0, 23) },
    { symbol: "kvm_mmu_remote_flush_or_zap", layers: between(10, 27) },
    { symbol: "schedule", layers: ALL },
  ])("$symbol is there on layers $layers", ({ symbol, layers }) => {
    expect(number(ALL, { symbols: new Set([symbol]) })).toEqual(layers);
  });

  test("that are not there say nothing: they may be inlined", () => {
    expect(number(ALL, { symbols: new Set() })).toEqual(ALL);
  });
});

test("what a recording prints of shadow pages is declared by patch 20, or not", () => {
  const told = (each: number, shown: boolean) =>
    contradictionsIn(layer(each, "merged"), { showsValidGen: { shown, line: 17 } });
  expect(told(19, true)).toEqual([]);
  expect(told(20, false)).toEqual([]);
  const about = "mmu_valid_gen in the tracepoints of shadow pages";
  expect(told(20, true)).toEqual([{ about, kernel: "there", model: "not there", line: 17 }]);
  expect(told(19, false)).toEqual([{ about, kernel: "not there", model: "there", line: 17 }]);
  expect(contradictionsIn(layer(19, "merged"), { showsValidGen: null })).toEqual([]);
});
