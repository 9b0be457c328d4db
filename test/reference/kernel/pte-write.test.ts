import { describe, expect, test } from "vitest";
import { kvm_mmu_pte_write } from "../../../src/reference/kernel/pte-write.ts";
import { runToEnd } from "../../../src/reference/machine/thread.ts";
import type { Vcpu } from "../../../src/reference/machine/vcpu.ts";
import { guest, ROOT } from "../../support/guest.ts";
import { ACCESSED, DIRTY, FLAGS, gpte, PRESENT, USER } from "../../support/guest-tables.ts";
import type { TestVm } from "../../support/vm.ts";

const SEEN = ACCESSED | DIRTY;

/** Virtual pages 0x10 (written) and 0x12 (MMIO); the tables have gfns 0x100 (root) to 0x103. */
function shadowed(layer = 27) {
  const made = guest({ layer });
  const { vm, tables, vcpu } = made;
  tables.map(0x10, 0x200);
  tables.map(0x12, 0x5000);
  vm.write(vcpu, 0x10_000);
  vm.write(vcpu, 0x12_000);
  vm.forget();
  return made;
}

/** The guest has written `size` bytes at `offset` of a table, by emulation. */
const written = (_vm: TestVm, vcpu: Vcpu, gfn: number, offset: number, size = 8): void => {
  runToEnd(kvm_mmu_pte_write(vcpu, gfn, offset, size));
};

const ENTRY = 0x10 * 8;
const TABLE = ROOT + 3;

describe("a write to an entry of a level 1 table", () => {
  test("maps the entry anew, and is flushed everywhere when it leads elsewhere", () => {
    const { vm, tables, vcpu } = shadowed();
    tables.set(0x10, gpte(0x201, FLAGS | SEEN));
    written(vm, vcpu, TABLE, ENTRY);
    expect(vm.entry(vcpu, 0x10_000)).toMatchObject({ kind: "leaf", frame: 0x1_0201 });
    expect(vm.flushes).toEqual(["kvm_mmu_remote_flush_or_zap"]);
    expect(vcpu.requests).toEqual(new Set());
    vm.expectConsistent();
  });

  test("below patch 10 is flushed by the function that it has always had", () => {
    const { vm, tables, vcpu } = shadowed(9);
    tables.set(0x10, gpte(0x201, FLAGS | SEEN));
    written(vm, vcpu, TABLE, ENTRY);
    expect(vm.flushes).toEqual(["kvm_mmu_flush_or_zap"]);
  });

  test("that takes the permission to write is flushed everywhere", () => {
    const { vm, tables, vcpu } = shadowed();
    tables.set(0x10, gpte(0x200, PRESENT | USER | SEEN));
    written(vm, vcpu, TABLE, ENTRY);
    expect(vm.entry(vcpu, 0x10_000)).toMatchObject({ kind: "leaf", writable: false });
    expect(vm.flushes).toEqual(["kvm_mmu_remote_flush_or_zap"]);
  });

  test.each([
    ["nothing", 0n],
    ["what was not accessed yet", gpte(0x200)],
  ])("that leaves %s there drops the entry, and is flushed everywhere", (_what, entry) => {
    const { vm, tables, vcpu } = shadowed();
    tables.set(0x10, entry);
    written(vm, vcpu, TABLE, ENTRY);
    expect(vm.entry(vcpu, 0x10_000)).toMatchObject({ kind: "none" });
    expect(vm.flushes).toEqual(["kvm_mmu_remote_flush_or_zap"]);
    vm.expectConsistent();
  });

  test.each([
    ["changes nothing", 0x10, ENTRY],
    ["was MMIO", 0x12, 0x12 * 8],
    ["was empty", 0x13, 0x13 * 8],
  ])("of which the entry %s is flushed on this vCPU alone", (_what, page, offset) => {
    const { vm, tables, vcpu } = shadowed();
    if (page !== 0x10) tables.set(page, gpte(0x202, FLAGS | SEEN));
    written(vm, vcpu, TABLE, offset);
    expect(vm.entry(vcpu, page * 4096)).toMatchObject({ kind: "leaf", writable: true });
    expect(vm.flushes).toEqual([]);
    expect(vcpu.requests).toEqual(new Set(["TLB_FLUSH"]));
  });

  test.each([0, 4])("in halves counts for the whole entry: offset %i", (half) => {
    const { vm, tables, vcpu } = shadowed();
    tables.set(0x10, gpte(0x201, FLAGS | SEEN));
    written(vm, vcpu, TABLE, ENTRY + half, 4);
    expect(vm.entry(vcpu, 0x10_000)).toMatchObject({ kind: "leaf", frame: 0x1_0201 });
  });

  test("of one byte at its start drops it, and maps nothing", () => {
    const { vm, vcpu } = shadowed();
    written(vm, vcpu, TABLE, ENTRY, 1);
    expect(vm.entry(vcpu, 0x10_000)).toMatchObject({ kind: "none" });
    expect(vm.page({ gfn: TABLE }).invalid).toBe(false);
  });

  test("by a vCPU in another mode drops it, and maps nothing", () => {
    const { vm, tables, vcpu } = shadowed();
    tables.set(0x10, gpte(0x201, FLAGS | SEEN));
    written(vm, vm.vcpu(), TABLE, ENTRY);
    expect(vm.entry(vcpu, 0x10_000)).toMatchObject({ kind: "none" });
  });

  test.each([
    ["one byte within an entry", ENTRY + 1, 1],
    ["two bytes", ENTRY, 2],
    ["eight bytes over two entries", ENTRY + 4, 8],
  ])("that is none zaps the page: %s", (_what, offset, size) => {
    const { vm, vcpu } = shadowed();
    const table = vm.page({ gfn: TABLE });
    written(vm, vcpu, TABLE, offset, size);
    expect(table.freed).toBe(true);
    expect(vm.flushes).toEqual(["kvm_mmu_commit_zap_page"]);
    vm.expectConsistent();
  });

  test("however often it comes zaps nothing: the table can go out of step", () => {
    const { vm, vcpu } = shadowed();
    for (let i = 0; i < 5; i++) written(vm, vcpu, TABLE, ENTRY);
    expect(vm.page({ gfn: TABLE }).write_flooding_count).toBe(0);
  });
});

describe("a write to an entry of a table of level 2 or higher", () => {
  test.each([2, 3])(
    "drops the link at level %i; the third without a fault zaps the page",
    (level) => {
      const { vm, vcpu } = shadowed();
      const gfn = ROOT + 4 - level;
      const table = vm.page({ gfn });
      written(vm, vcpu, gfn, 0);
      expect(table.spt.isZero(0)).toBe(true);
      expect(vm.page({ gfn: gfn + 1 }).parent_ptes).toEqual([]);
      written(vm, vcpu, gfn, 0);
      expect(table.freed).toBe(false);
      written(vm, vcpu, gfn, 0);
      expect(table.freed).toBe(true);
      vm.expectConsistent();
    },
  );

  test("counts anew after a fault through the table", () => {
    const { vm, vcpu } = shadowed();
    const table = vm.page({ gfn: ROOT + 2 });
    for (let i = 0; i < 4; i++) {
      written(vm, vcpu, ROOT + 2, 0);
      written(vm, vcpu, ROOT + 2, 0);
      vm.read(vcpu, 0x10_000);
    }
    expect(table.freed).toBe(false);
    vm.expectConsistent();
  });

  test("zaps the root in use by taking it away from every vCPU", () => {
    const { vm, vcpu } = shadowed();
    const root = vm.page({ gfn: ROOT });
    for (let i = 0; i < 3; i++) written(vm, vcpu, ROOT, 0);
    expect(root).toMatchObject({ invalid: true, freed: false, root_count: 1 });
    expect(vcpu.requests).toContain("MMU_RELOAD");
    expect(vm.read(vcpu, 0x10_000)).toMatchObject({ outcome: "mapped" });
    expect(root.freed).toBe(true);
    vm.expectConsistent();
  });
});

describe("a write elsewhere", () => {
  test("changes no shadow and flushes nothing", () => {
    const { vm, vcpu } = shadowed();
    written(vm, vcpu, 0x200, 0);
    expect(vm.kvm.log).toEqual([]);
    expect(vcpu.requests).toEqual(new Set());
  });

  test("needs no lock while nothing is shadowed", () => {
    const { vm, vcpu } = guest();
    expect(vm.thread(kvm_mmu_pte_write(vcpu, ROOT, 0, 8)).points()).toEqual([]);
  });
});
