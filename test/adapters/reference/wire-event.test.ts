import { expect, test } from "vitest";
import { toWireEvent } from "../../../src/adapters/reference/wire-event.ts";
import type { Event, PageState } from "../../../src/reference/machine/events.ts";

const page: PageState = {
  ...{ id: 17, gfn: 0xc00, level: 1, direct: true, access: 7, smm: false },
  ...{ invalid: true, root_count: 1, unsync: false, mmu_valid_gen: 3 },
};

test("fields of a page stand beside the event's own, without what is not there on every layer", () => {
  expect(toWireEvent({ event: "prepare_zap", page, returned: 2 })).toEqual({
    ...{ event: "prepare_zap", gfn: "0xc00", level: 1, direct: true, access: 7, smm: false },
    ...{ invalid: true, root_count: 1, unsync: false, returned: 2 },
  });
});

test.each<{ what: string; event: Event; wire: object }>([
  {
    what: "64-bit values and gfns are hexadecimal",
    event: { event: "mark_mmio_spte", gfn: 0x700, access: 6, generation: 10n, raw: 1n << 63n },
    wire: { gfn: "0x700", access: 6, generation: "0xa", raw: "0x8000000000000000" },
  },
  {
    what: "addresses are hexadecimal, numbers of vCPUs are not",
    event: { event: "page_fault", vcpu: 1, address: 0x5000, error_code: 4 },
    wire: { vcpu: 1, address: "0x5000", error_code: 4 },
  },
  {
    what: "an address in the guest is hexadecimal, too",
    event: { event: "cache.fill", vcpu: 0, gva: 0x4000_0000, gfn: 0, generation: 0n },
    wire: { vcpu: 0, gva: "0x40000000", gfn: "0x0", generation: "0x0" },
  },
  {
    what: "so is the address of a fault",
    event: { event: "handle_mmio_page_fault", addr: 0x70_0000, gfn: 0x700, access: 2 },
    wire: { addr: "0x700000", gfn: "0x700", access: 2 },
  },
  {
    what: "what each address space shows gets a field of its own",
    event: { event: "memslots.arch-updated", generation: 2n, published: [1n << 63n, 1n] },
    wire: { generation: "0x2", as0: "0x8000000000000000", as1: "0x1" },
  },
  {
    what: "truth values and words stay",
    event: { event: "check_mmio_spte", raw: 0n, kvm_gen: 1n, spte_gen: 1n, valid: true },
    wire: { raw: "0x0", kvm_gen: "0x1", spte_gen: "0x1", valid: true },
  },
  {
    what: "a reason stays",
    event: { event: "remote_flush", reason: "invlpg" },
    wire: { reason: "invlpg" },
  },
  { what: "an event without fields is its name", event: { event: "reload" }, wire: {} },
])("$what", ({ event, wire }) => {
  expect(toWireEvent(event)).toEqual({ event: event.event, ...wire });
});
