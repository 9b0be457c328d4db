import { expect, test } from "vitest";
import { render } from "../../../src/adapters/recording/render.ts";
import { composeThrough } from "../../../src/reference/compose.ts";
import type { Event, PageState } from "../../../src/reference/machine/events.ts";

const { ops } = composeThrough(27);

const page: PageState = {
  ...{ id: 1, gfn: 0xc00, level: 1, direct: true, access: 7, smm: false },
  ...{ invalid: false, root_count: 0, unsync: false, mmu_valid_gen: 3 },
};
const PRINTED = "sp gfn c00 l1 q0 direct wux !nxe ad root 0 sync";

test.each<{ event: Event; text: string | null }>([
  { event: { event: "get_page", page, created: true }, text: `kvm_mmu_get_page: ${PRINTED} new` },
  {
    event: { event: "get_page", page, created: false },
    text: `kvm_mmu_get_page: ${PRINTED} existing`,
  },
  {
    event: { event: "prepare_zap", page, returned: 1 },
    text: `kvm_mmu_prepare_zap_page: ${PRINTED}`,
  },
  { event: { event: "sync_page", page }, text: `kvm_mmu_sync_page: ${PRINTED}` },
  { event: { event: "unsync_page", page }, text: `kvm_mmu_unsync_page: ${PRINTED}` },
  {
    event: { event: "mark_mmio_spte", gfn: 0x700, access: 6, generation: 10n, raw: 1n },
    text: "mark_mmio_spte: gfn 700 access 6 gen a",
  },
  {
    event: { event: "check_mmio_spte", raw: 255n, kvm_gen: 10n, spte_gen: 8n, valid: false },
    text: "check_mmio_spte: spte ff kvm_gen a spte-gen 8 valid 0",
  },
  {
    event: { event: "handle_mmio_page_fault", addr: 0x700000, gfn: 0x700, access: 6 },
    text: "handle_mmio_page_fault: addr:700000 gfn 700 access 6",
  },
  {
    event: { event: "invalidate_zap_all_pages", mmu_valid_gen: 2, used_pages: 16 },
    text: "kvm_mmu_invalidate_zap_all_pages: kvm-mmu-valid-gen 2 used_pages 10",
  },
  {
    event: { event: "memslots.arch-updated", generation: 2n, published: [1n << 63n, 1n] },
    text: "kvm_arch_memslots_updated: newgen=2 as0=8000000000000000 as1=1",
  },
  { event: { event: "remote_flush", reason: "invlpg" }, text: "kvm_flush_remote_tlbs" },
  { event: { event: "reload" }, text: "kvm_reload_remote_mmus" },
  { event: { event: "commit", pages: 3 }, text: "kvm_mmu_commit_zap_page" },
  { event: { event: "free", page }, text: "kvm_mmu_free_page" },
  { event: { event: "lock_break" }, text: "lock dropped" },
  { event: { event: "cache.hit", vcpu: 0, gfn: 1 }, text: null },
  { event: { event: "walk_restart", walk: "kvm_mmu_zap_all" }, text: null },
])("$event.event is in a trace: $text", ({ event, text }) => {
  expect(render(event, ops)).toBe(text);
});

test("a page is printed as the layer prints it: with its generation before patch 20", () => {
  const before = render({ event: "sync_page", page }, composeThrough(19).ops);
  expect(before).toContain("sp gen 3 gfn c00");
});
