import { describe, expect, test } from "vitest";
import { audit } from "../../src/reference/audit.ts";
import { drop_spte } from "../../src/reference/kernel/links.ts";
import { KVM_MEMSLOT_INVALID } from "../../src/reference/machine/constants.ts";
import { Memslots } from "../../src/reference/machine/memslots.ts";
import { PageList } from "../../src/reference/machine/page-list.ts";
import { makeWritable } from "../../src/reference/machine/spte.ts";
import { guest, guestOutOfStep, ROOT } from "../support/guest.ts";
import { ACCESSED, DIRTY, FLAGS } from "../support/guest-tables.ts";
import { HOST_PAGE, TestVm } from "../support/vm.ts";

/** Gfn 0x10 is mapped for writing: pages 1 (root) to 4 (level 1). */
function direct() {
  const vm = new TestVm();
  vm.set({ id: 1, gfn: 0x10, npages: 4 });
  const vcpu = vm.vcpu();
  vm.write(vcpu, 0x10_000);
  expect(audit(vm.kvm)).toEqual([]);
  return { vm, kvm: vm.kvm, vcpu, leaf: vm.page({ level: 1 }) };
}

const LEAF = "shadow page 4 (gfn 0x0 level 1)";
const PARENT = "shadow page 3 (gfn 0x0 level 2)";
const TLB = "the TLB of vCPU 0 for page 0x10";

describe("a VM at rest is not in order when", () => {
  test("pages are in use that are not on the list", () => {
    const { kvm } = direct();
    kvm.n_used_mmu_pages++;
    expect(audit(kvm)).toEqual(["5 pages count as used, 4 are on the active list"]);
  });

  test("pages were prepared and not freed", () => {
    const { kvm, leaf } = direct();
    kvm.ops.kvm_mmu_prepare_zap_page(kvm, leaf, new PageList());
    expect(audit(kvm)).toContain("1 shadow pages are leaked");
  });

  test("somebody holds a lock", () => {
    const { kvm } = direct();
    kvm.mmu_lock.held = true;
    kvm.slots_lock = true;
    expect(audit(kvm)).toEqual(["mmu_lock is held", "slots_lock is held"]);
  });

  test("two address spaces have the same generation", () => {
    const { kvm } = direct();
    kvm.memslots[1]!.generation = kvm.memslots[0]!.generation;
    expect(audit(kvm)).toEqual(["two address spaces have the same generation"]);
  });

  test("a page is not found by its gfn", () => {
    const { kvm, leaf } = direct();
    kvm.mmu_page_hash.remove(leaf);
    expect(audit(kvm)).toEqual([`${LEAF} is not in the hash`]);
  });

  test("a page knows a parent that does not point to it", () => {
    const { vm, kvm, leaf } = direct();
    leaf.parent_ptes.push({ sp: vm.page({ level: 2 }), index: 7 });
    expect(audit(kvm)).toEqual([`a parent of ${LEAF} does not point to it`]);
  });

  test("a page is not known to its parent as its child", () => {
    const { kvm, leaf } = direct();
    leaf.parent_ptes.length = 0;
    expect(audit(kvm)).toEqual([`${LEAF} does not know its parent ${PARENT}`]);
  });

  test("the tables above a page out of step do not know", () => {
    const { vm, table } = guestOutOfStep();
    expect(audit(vm.kvm)).toEqual([]);
    table.parent_ptes[0]!.sp.unsync_child_bitmap!.clear();
    expect(audit(vm.kvm)).toEqual([
      `a parent of shadow page ${table.id} (gfn 0x103 level 1) does not know that it is unsync`,
    ]);
  });

  test("the tables above a page out of step were never marked", () => {
    const { vm, table } = guestOutOfStep();
    table.parent_ptes[0]!.sp.unsync_child_bitmap = null;
    expect(audit(vm.kvm).length).toBe(1);
  });

  test("an entry leads to memory of no slot", () => {
    const { kvm } = direct();
    kvm.memslots[0] = new Memslots(kvm.memslots[0]!.generation, []);
    expect(audit(kvm)).toEqual([`the entry for gfn 0x10 in ${LEAF} maps memory of no slot`]);
  });

  test("an entry leads to memory of a slot that goes", () => {
    const { vm, kvm } = direct();
    const doomed = { ...vm.slot(1), flags: KVM_MEMSLOT_INVALID };
    kvm.memslots[0] = new Memslots(kvm.memslots[0]!.generation, [doomed]);
    expect(audit(kvm)).toContain(`the entry for gfn 0x10 in ${LEAF} maps memory of no slot`);
  });

  test("an entry leads to other memory than the slot's", () => {
    const { kvm, leaf, vcpu } = direct();
    leaf.spt.setFrame(0x10, HOST_PAGE + 0x11, leaf.spt.low(0x10) & 0xfff, 0);
    vcpu.tlb.flush();
    expect(audit(kvm)).toEqual([
      `the entry for gfn 0x10 in ${LEAF} maps memory that is not the slot's`,
    ]);
  });

  test("an entry is in no rmap", () => {
    const { vm, kvm } = direct();
    const [rmap] = vm.slot(1).arch.rmap;
    rmap!.remove(0, rmap!.first(0));
    expect(audit(kvm)).toEqual([`the entry for gfn 0x10 in ${LEAF} is in no rmap`]);
  });

  test("an rmap leads to an empty entry", () => {
    const { kvm, leaf, vcpu } = direct();
    leaf.spt.clear(0x10);
    vcpu.tlb.flush();
    expect(audit(kvm)).toEqual([`an rmap of slot 1 leads to an empty entry of ${LEAF}`]);
  });

  test("the guest can write a table unseen that is shadowed", () => {
    const { vm, tables, vcpu } = guest();
    tables.map(0x10, ROOT + 2, FLAGS | ACCESSED | DIRTY);
    vm.read(vcpu, 0x10_000);
    const table = vm.page({ level: 1, direct: false });
    expect(audit(vm.kvm)).toEqual([]);
    makeWritable(table, 0x10);
    expect(audit(vm.kvm)).toEqual([
      `the entry for gfn 0x102 in shadow page ${table.id} (gfn 0x103 level 1) lets the guest write a page table that is shadowed`,
    ]);
  });
});

describe("a vCPU must not reach any more what it may not:", () => {
  test("memory that the host has taken back", () => {
    const { kvm } = direct();
    kvm.host.release(HOST_PAGE + 0x10);
    expect(audit(kvm)).toContain(`${TLB} leads to memory that the host has taken back`);
  });

  test("a translation that the tables do not have", () => {
    const { kvm, leaf } = direct();
    drop_spte(kvm, leaf, 0x10);
    expect(audit(kvm)).toEqual([`${TLB} has a translation that the tables do not`]);
  });

  test("a translation that leads elsewhere in the tables", () => {
    const { kvm, vcpu } = direct();
    vcpu.tlb.fill(0x10, 1, HOST_PAGE + 0x11, true);
    expect(audit(kvm)).toEqual([`${TLB} has a translation that the tables do not`]);
  });

  test("a page to write that the tables protect", () => {
    const { kvm, leaf } = direct();
    leaf.spt.set(0x10, leaf.spt.low(0x10) & ~2, leaf.spt.high(0x10));
    expect(audit(kvm)).toEqual([`${TLB} lets the guest write what the tables do not`]);
  });

  test("with shadowed tables: memory of no slot; the rest is the guest's to flush", () => {
    const { vm, tables, vcpu } = guest();
    tables.map(0x10, 0x200);
    vm.read(vcpu, 0x10_000);
    drop_spte(vm.kvm, vm.page({ level: 1, direct: false }), 0x10);
    expect(audit(vm.kvm)).toEqual([]);
    vcpu.tlb.fill(0x10, 1, HOST_PAGE + 0x9999, false);
    expect(audit(vm.kvm)).toEqual([`${TLB} leads to memory of no slot`]);
  });

  test.each(["MMU_RELOAD", "TLB_FLUSH"] as const)("unless it is to flush first: %s", (request) => {
    const { kvm, vcpu, leaf } = direct();
    drop_spte(kvm, leaf, 0x10);
    vcpu.requests.add(request);
    expect(audit(kvm)).toEqual([]);
  });

  test("unless it has no root: it loads one with an empty TLB", () => {
    const { kvm, vcpu, leaf } = direct();
    drop_spte(kvm, leaf, 0x10);
    vcpu.roots = null;
    expect(audit(kvm)).toEqual([]);
  });
});
