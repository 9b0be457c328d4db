import { describe, expect, test } from "vitest";
import type { StepResult } from "../../../src/adapters/record.ts";
import { recordOnReference } from "../../../src/adapters/reference/reference-implementation.ts";
import { composeThrough } from "../../../src/reference/compose.ts";
import type { SnapshotStep, Step } from "../../../src/scenario/case.generated.ts";
import { aCaseThat, ram } from "../../support/a-case.ts";

const LAST = composeThrough(27);

/** What a snapshot after these steps shows. */
function shown(steps: readonly Step[], asked: SnapshotStep["expect"] = {}, composition = LAST) {
  const snapshot = { do: "snapshot", expect: asked } as const;
  const { steps: records } = recordOnReference(composition, aCaseThat(...steps, snapshot));
  return records.at(-1)!.result as StepResult & {
    readonly vcpus: readonly Record<string, unknown>[];
    readonly pages: readonly Record<string, unknown>[];
    readonly counters: Record<string, number>;
  };
}

const read = (gpa: string): Step => ({ do: "access", vcpu: 0, gpa });
const RAM = "0x5000";
const MMIO = "0x700000";

/** One entry or translation that is asked for, whatever it is. */
const at = (gpa: string) => ({ vcpu: 0, gpa });

describe("a snapshot shows", () => {
  test("the published memslots of each address space, whether in flux, with the ids of slots", () => {
    const smm: Step = { ...(ram(16, 3) as Step & { do: "set_memory_region" }), as: 1 };
    const { memslots } = shown([ram(16, 7), { ...ram(4, 2), gpa: "0x100000" } as Step, smm]);
    expect(memslots).toEqual([
      { as: 0, generation: "0x4", in_flux: false, slots: [2, 7] },
      { as: 1, generation: "0x3", in_flux: false, slots: [3] },
    ]);
  });

  test("that an address space is in flux while an install waits for readers", () => {
    const inject: Step = {
      ...{ do: "inject", what: "generation", as: 0 },
      generation: "0x8000000000000004",
    };
    expect(shown([inject])["memslots"]).toMatchObject([{ in_flux: true }, { in_flux: false }]);
  });

  test("the shadow pages in use, the newest first, by their fields", () => {
    const { pages } = shown([ram(16), read(RAM)]);
    const page = (level: number, root_count: number) => ({
      ...{ gfn: "0x0", level, direct: true, smm: false, access: 7, invalid: false },
      ...{ root_count, unsync: false, mmio_cached: false, obsolete: false },
    });
    expect(pages).toEqual([page(1, 0), page(2, 0), page(3, 0), page(4, 1)]);
  });

  test("that a page has held an MMIO SPTE, and that it is obsolete where that exists", () => {
    const flush: Step = { do: "flush_shadow_all" };
    expect(shown([ram(16), read(MMIO)]).pages.map(({ mmio_cached }) => mmio_cached)).toEqual([
      true,
      false,
      false,
      false,
    ]);
    const obsolete = shown([ram(16), read(RAM), flush], {}, composeThrough(5)).pages;
    expect(obsolete.map((page) => page["obsolete"])).toEqual([true]);
  });
});

describe("the entry for an address is", () => {
  const entries = (steps: readonly Step[], ...gpas: string[]) =>
    shown(steps, { entries: gpas.map((gpa) => ({ ...at(gpa), is: {} })) })["entries"];

  test("none before the first access", () => {
    expect(entries([ram(16)], RAM)).toEqual([{ kind: "none" }]);
    expect(entries([ram(16), read(RAM)], "0x6000")).toEqual([{ kind: "none" }]);
  });

  test("a leaf where memory is mapped", () => {
    expect(entries([ram(16), read(RAM)], RAM)).toEqual([
      {
        ...{ kind: "leaf", gfn: "0x5", level: 1, hva: "0x10005000", writable: true },
        raw: expect.stringMatching(/^0x[0-9a-f]+$/) as string,
      },
    ]);
  });

  test("a leaf that may not be written where the slot is read-only", () => {
    const readOnly = { ...(ram(16) as Step & { do: "set_memory_region" }), flags: 2 };
    expect(entries([readOnly, read(RAM)], RAM)).toMatchObject([{ kind: "leaf", writable: false }]);
  });

  test("none again when the host has taken the page back", () => {
    const release: Step = { do: "host_release", hva: "0x10005000" };
    expect(entries([ram(16), read(RAM), release], RAM)).toEqual([{ kind: "none" }]);
  });

  test("an MMIO entry, decoded, where there is no memory", () => {
    expect(entries([ram(16), read(MMIO)], MMIO)).toEqual([
      {
        ...{ kind: "mmio", gfn: "0x700", access: 6, generation: "0x2", level: 1 },
        raw: expect.stringMatching(/^0x[0-9a-f]+$/) as string,
      },
    ]);
  });
});

describe("the TLB has for an address", () => {
  const translations = (steps: readonly Step[], gpa: string) =>
    shown(steps, { tlb: [{ ...at(gpa), is: "absent" }] })["tlb"];

  test("nothing before the first access, then the page reached", () => {
    expect(translations([ram(16)], RAM)).toEqual(["absent"]);
    expect(translations([ram(16), read(RAM)], RAM)).toEqual([
      { hva: "0x10005000", writable: true },
    ]);
  });

  test("nothing for MMIO", () => {
    expect(translations([ram(16), read(MMIO)], MMIO)).toEqual(["absent"]);
  });
});

describe("of each vCPU are shown", () => {
  test("mode, roots, cache and requests, empty at first", () => {
    expect(shown([]).vcpus).toEqual([{ smm: false, roots: [], cache: null, requests: [] }]);
  });

  test("the roots that are loaded", () => {
    expect(shown([ram(16), read(RAM)]).vcpus[0]).toMatchObject({ roots: ["0x0"] });
    expect(shown([{ do: "enter_smm", vcpu: 0 }]).vcpus[0]).toMatchObject({ smm: true });
  });

  test("the last MMIO access, and whether it would answer now", () => {
    const cache = { gva: "0x0", gfn: "0x700", generation: "0x2", matches: true };
    expect(shown([ram(16), read(MMIO)]).vcpus[0]).toMatchObject({ cache });
    expect(shown([ram(16), read(MMIO), ram(0)]).vcpus[0]).toMatchObject({
      cache: { ...cache, matches: false },
    });
  });

  test("what it must do before it next enters the guest", () => {
    expect(shown([ram(16), read(RAM), { do: "flush_shadow_all" }]).vcpus[0]).toMatchObject({
      requests: ["MMU_RELOAD"],
    });
  });
});

test("counters are totals since the VM was created; pages in use and leaked are of now", () => {
  const before = shown([ram(16), read(RAM), read(MMIO)]).counters;
  expect(before).toMatchObject({
    ...{ installs: 1, faults: 2, pages_allocated: 5, pages_freed: 0 },
    ...{ used_pages: 5, leaked_pages: 0 },
  });
  const after = shown([ram(16), read(RAM), read(MMIO), { do: "destroy_vm" }]).counters;
  expect(after).toMatchObject({
    pages_allocated: 5,
    pages_freed: 5,
    used_pages: 0,
    leaked_pages: 0,
  });
});
