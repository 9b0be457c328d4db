import { describe, expect, test } from "vitest";
import { expectedOf, faultFields } from "../../../src/adapters/recording/expected.ts";
import { FIELDS, type Observation } from "../../../src/adapters/recording/observation.ts";
import type { Event, PageState } from "../../../src/reference/machine/events.ts";

const page: PageState = {
  ...{ id: 1, gfn: 0xc00, level: 1, direct: true, access: 7, smm: false },
  ...{ invalid: false, root_count: 0, unsync: false, mmu_valid_gen: 31 },
};
const told = { gen: "1f", gfn: "c00", level: "1", role: "q0 direct wux", root: "0", state: "sync" };

test.each<{ event: Event; expected: readonly Observation[] }>([
  {
    event: { event: "get_page", page, created: true },
    expected: [{ kind: "get_page", fields: { ...told, page: "new" } }],
  },
  {
    event: { event: "get_page", page, created: false },
    expected: [{ kind: "get_page", fields: { ...told, page: "existing" } }],
  },
  {
    event: { event: "prepare_zap", page, returned: 1 },
    expected: [{ kind: "prepare_zap", fields: told }],
  },
  { event: { event: "sync_page", page }, expected: [{ kind: "sync_page", fields: told }] },
  { event: { event: "unsync_page", page }, expected: [{ kind: "unsync_page", fields: told }] },
  {
    event: { event: "mark_mmio_spte", gfn: 0x700, access: 6, generation: 10n, raw: 1n },
    expected: [{ kind: "mark_mmio_spte", fields: { gfn: "700", access: "6", gen: "a" } }],
  },
  {
    event: { event: "check_mmio_spte", raw: 255n, kvm_gen: 10n, spte_gen: 8n, valid: false },
    expected: [
      {
        kind: "check_mmio_spte",
        fields: { spte: "ff", kvm_gen: "a", "spte-gen": "8", valid: "0" },
      },
    ],
  },
  {
    event: { event: "handle_mmio_page_fault", addr: 0x700000, gfn: 0x700, access: 6 },
    expected: [
      { kind: "handle_mmio_page_fault", fields: { addr: "700000", gfn: "700", access: "6" } },
    ],
  },
  {
    event: { event: "invalidate_zap_all_pages", mmu_valid_gen: 20, used_pages: 16 },
    expected: [{ kind: "fast_invalidate", fields: { "valid-gen": "14", used_pages: "10" } }],
  },
  {
    event: { event: "memslots.published", as: 1, generation: 3n },
    expected: [{ kind: "install", fields: { as: "1" } }],
  },
  {
    event: { event: "memslots.arch-updated", generation: 2n, published: [1n << 63n, 1n] },
    expected: [
      { kind: "hook", fields: { gen: "2", as0: "8000000000000000", as1: "1" } },
      { kind: "wrap_check", fields: { gen: "2" } },
    ],
  },
  {
    event: { event: "page_fault", vcpu: 0, address: 0x5000, error_code: 6 },
    expected: [{ kind: "page_fault", fields: { address: "5000", access: "write" } }],
  },
  {
    event: { event: "remote_flush", reason: "invlpg" },
    expected: [{ kind: "remote_flush", fields: {} }],
  },
  { event: { event: "reload" }, expected: [{ kind: "reload", fields: {} }] },
  { event: { event: "commit", pages: 3 }, expected: [{ kind: "commit", fields: {} }] },
  { event: { event: "free", page }, expected: [{ kind: "free", fields: {} }] },
  { event: { event: "lock_break" }, expected: [{ kind: "lock_break", fields: {} }] },
  { event: { event: "cache.hit", vcpu: 0, gfn: 1 }, expected: [] },
  { event: { event: "walk_restart", walk: "kvm_mmu_zap_all" }, expected: [] },
])("of $event.event a trace tells $expected", ({ event, expected }) => {
  expect(expectedOf(event)).toEqual(expected);
  for (const { kind, fields } of expected) expect(Object.keys(fields)).toEqual(FIELDS[kind] ?? []);
});

test("a page that is zapped, in use, out of step, and of a guest's table says so", () => {
  const other = { ...page, direct: false, access: 3, invalid: true, root_count: 2, unsync: true };
  expect(expectedOf({ event: "sync_page", page: other })).toMatchObject([
    { fields: { role: "q0 w-x invalid", root: "2", state: "unsync" } },
  ]);
});

describe("a page fault is told by what all CPUs agree on", () => {
  test.each([
    { code: 0x4, cpu: "NPT", access: "read" },
    { code: 0x14, cpu: "NPT, a fetch", access: "read" },
    { code: 0x0, cpu: "shadow", access: "read" },
    { code: 0x6, cpu: "NPT", access: "write" },
    { code: 0x3, cpu: "shadow", access: "write present" },
    { code: 0xc, cpu: "NPT", access: "read reserved" },
    { code: 0xd, cpu: "NPT of another make", access: "read reserved" },
    { code: 0xa, cpu: "shadow", access: "write reserved" },
  ])("$code of $cpu is a $access", ({ code, access }) => {
    expect(faultFields(0x5000, code)).toEqual({ address: "5000", access });
  });
});
