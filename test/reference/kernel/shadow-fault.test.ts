import { describe, expect, test } from "vitest";
import { paging64_page_fault } from "../../../src/reference/kernel/shadow-fault.ts";
import { hostRelease } from "../../../src/reference/kernel/notifier.ts";
import { runToEnd } from "../../../src/reference/machine/thread.ts";
import type { Vcpu } from "../../../src/reference/machine/vcpu.ts";
import { guest, ROOT } from "../../support/guest.ts";
import {
  ACCESSED,
  DIRTY,
  FLAGS,
  gpte,
  GuestTables,
  PRESENT,
  USER,
} from "../../support/guest-tables.ts";
import { HOST_BASE, HOST_PAGE, TestVm } from "../../support/vm.ts";

const SEEN = FLAGS | ACCESSED | DIRTY;
const MIB_2 = 0x200;

/** What stands in the entries for virtual pages 0x10 to 0x17. */
const group = (vm: TestVm, vcpu: Vcpu): (string | undefined)[] =>
  Array.from({ length: 8 }, (_, i) => vm.entry(vcpu, (0x10 + i) * 4096)?.kind);

describe("a fault of a vCPU whose page tables are shadowed", () => {
  test("makes a shadow page for each of the guest's tables on the way, and maps", () => {
    const { vm, tables, vcpu } = guest();
    tables.map(0x10, 0x200);
    expect(vm.read(vcpu, 0x10_008)).toMatchObject({ outcome: "mapped", hva: 0x1020_0008 });
    expect(vm.pages({ direct: false }).map(({ gfn, role }) => [role.level, gfn])).toEqual([
      [1, ROOT + 3],
      [2, ROOT + 2],
      [3, ROOT + 1],
      [4, ROOT],
    ]);
    vm.expectConsistent();
  });

  test("is the guest's own where its tables forbid the access", () => {
    const { vm, tables, vcpu } = guest();
    tables.map(0x10, 0x200, PRESENT | USER);
    expect(vm.read(vcpu, 0x10_000)).toMatchObject({ outcome: "mapped" });
    expect(vm.write(vcpu, 0x10_000)).toEqual({ outcome: "guest-fault" });
    expect(vm.read(vcpu, 0x11_000)).toEqual({ outcome: "guest-fault" });
  });

  test("maps what is clean read-only, and marks it dirty with the first write", () => {
    const { vm, tables, vcpu } = guest();
    tables.map(0x10, 0x200);
    vm.read(vcpu, 0x10_000);
    expect(vm.entry(vcpu, 0x10_000)).toMatchObject({ writable: false });
    expect(tables.get(0x10) & DIRTY).toBe(0n);
    expect(vm.write(vcpu, 0x10_000)).toMatchObject({ outcome: "mapped" });
    expect(vm.entry(vcpu, 0x10_000)).toMatchObject({ writable: true });
    expect(tables.get(0x10) & DIRTY).toBe(DIRTY);
  });

  test("leads to MMIO by gva, with what the guest grants", () => {
    const { vm, tables, vcpu } = guest();
    tables.map(0x10, 0x5000);
    expect(vm.write(vcpu, 0x10_234)).toEqual({ outcome: "mmio", via: "fault", gpa: 0x500_0234 });
    expect(vm.entry(vcpu, 0x10_000)).toEqual({ kind: "mmio", level: 1 });
    expect(vm.events("mark_mmio_spte")).toMatchObject([{ gfn: 0x5000, access: 6 }]);
    expect(vcpu.cache).toMatchObject({ gva: 0x10_000, gfn: 0x5000 });
    expect(vm.read(vcpu, 0x10_234)).toMatchObject({ outcome: "mmio", via: "cache" });
  });

  test("on a read-only slot maps for reading, and a write is MMIO", () => {
    const { vm, tables, vcpu } = guest();
    vm.set({ id: 2, gfn: 0x800, npages: 1, flags: 2 });
    tables.map(0x10, 0x800);
    expect(vm.read(vcpu, 0x10_000)).toMatchObject({ outcome: "mapped" });
    expect(vm.entry(vcpu, 0x10_000)).toMatchObject({ writable: false });
    expect(vm.write(vcpu, 0x10_000)).toMatchObject({ outcome: "mmio", gpa: 0x80_0000 });
    vm.expectConsistent();
  });

  test("maps nothing when the host took a page back since the slot was looked up", () => {
    const { vm, tables, vcpu } = guest();
    tables.map(0x10, 0x200);
    const access = vm.thread(vm.accessTask(vcpu, { address: 0x10_000 })).until("slot.looked-up");
    runToEnd(hostRelease(vm.kvm, HOST_BASE));
    access.until("guest.enter");
    expect(vm.entry(vcpu, 0x10_000)).toMatchObject({ kind: "none" });
    expect(access.finish()).toMatchObject({ outcome: "mapped" });
  });

  test.each([1, 2, 3, 4])(
    "gives up when the guest's table of level %i has changed since",
    (level) => {
      const { vm, tables, vcpu } = guest();
      tables.map(0x10, 0x200);
      const access = vm.thread(vm.accessTask(vcpu, { address: 0x10_000 })).until("slot.looked-up");
      const entry = tables.get(0x10, level);
      tables.set(0x10, entry & ~ACCESSED, level);
      access.until("guest.enter");
      expect(vm.entry(vcpu, 0x10_000)).toMatchObject({ kind: "none" });
      expect(access.finish()).toMatchObject({ outcome: "mapped", hva: 0x1020_0000 });
      vm.expectConsistent();
    },
  );

  test("gives up when the vCPU has lost its root meanwhile", () => {
    const { vm, tables, vcpu } = guest();
    tables.map(0x10, 0x200);
    expect(runToEnd(paging64_page_fault(vcpu, 0x10, 0))).toBe("retry");
    expect(vm.pages()).toEqual([]);
  });
});

describe("a write to a guest page table of level 2 or higher", () => {
  /** Virtual page 0x20 is the guest's table of level 2, mapped for writing. */
  function mappingItsDirectory() {
    const made = guest();
    const { vm, tables, vcpu } = made;
    tables.map(0x10, 0x200);
    tables.map(0x20, ROOT + 2, SEEN);
    vm.read(vcpu, 0x10_000);
    vm.read(vcpu, 0x20_000);
    expect(vm.entry(vcpu, 0x20_000)).toMatchObject({ kind: "leaf", writable: false });
    return made;
  }

  test("is emulated: it reaches memory, and the shadow follows", () => {
    const { vm, tables, vcpu } = mappingItsDirectory();
    const entry = tables.get(0x10, 2);
    expect(vm.write(vcpu, 0x20_008, entry)).toMatchObject({
      outcome: "emulated",
      hva: (HOST_PAGE + ROOT + 2) * 4096 + 8,
    });
    expect(tables.get(0x210, 2)).toBe(entry);
    expect(vm.read(vcpu, 0x210_000)).toMatchObject({ hva: 0x1020_0000 });
    vm.expectConsistent();
  });

  test("is emulated also when it is the first access through that entry", () => {
    const { vm, tables, vcpu } = guest();
    tables.map(0x10, 0x200);
    tables.map(0x20, ROOT + 2);
    vm.read(vcpu, 0x10_000);
    expect(vm.write(vcpu, 0x20_ff8, 0n)).toMatchObject({ outcome: "emulated" });
    expect(vm.entry(vcpu, 0x20_000)).toMatchObject({ kind: "leaf", writable: false });
    expect(vcpu.requests).toContain("TLB_FLUSH");
    vm.expectConsistent();
  });

  test("is no flood if the fault came through the table itself", () => {
    const { vm, vcpu } = mappingItsDirectory();
    const directory = vm.page({ gfn: ROOT + 2 });
    for (let i = 0; i < 5; i++) vm.write(vcpu, 0x20_ff8, 0n);
    expect(directory.freed).toBe(false);
    vm.expectConsistent();
  });
});

describe("neighbours that the guest has accessed", () => {
  const entries = (vm: TestVm, tables: GuestTables, flags: readonly bigint[]): void => {
    flags.forEach((each, i) => {
      tables.map(0x10 + i, 0x200 + i, each);
    });
    vm.forget();
  };

  test("are mapped along, up to the first one that cannot be", () => {
    const { vm, tables, vcpu } = guest();
    entries(vm, tables, [SEEN, SEEN, SEEN, SEEN, FLAGS, SEEN, SEEN, SEEN]);
    vm.read(vcpu, 0x12_000);
    expect(group(vm, vcpu)).toEqual([
      ...["leaf", "leaf", "leaf", "leaf"],
      ...["none", "none", "none", "none"],
    ]);
    vm.expectConsistent();
  });

  test("are passed over when they are mapped already", () => {
    const { vm, tables, vcpu } = guest();
    entries(vm, tables, [SEEN, 0n, SEEN, SEEN]);
    vm.read(vcpu, 0x13_000);
    expect(group(vm, vcpu).slice(0, 4)).toEqual(["leaf", "none", "none", "leaf"]);
    tables.set(0x11, gpte(0x201, SEEN));
    vm.read(vcpu, 0x11_000);
    expect(group(vm, vcpu).slice(0, 4)).toEqual(["leaf", "leaf", "leaf", "leaf"]);
  });

  test("are not marked as MMIO where they lead to none", () => {
    const { vm, tables, vcpu } = guest();
    tables.map(0x10, 0x5000, SEEN);
    tables.map(0x11, 0x200, SEEN);
    vm.read(vcpu, 0x11_000);
    expect(group(vm, vcpu).slice(0, 2)).toEqual(["none", "leaf"]);
  });

  test("are not mapped where dirty pages are logged, or the host does not have the page", () => {
    const resident = [{ hva: (HOST_PAGE + ROOT) * 4096, npages: 4 }];
    const { vm, tables, vcpu } = guest({ machine: { resident } });
    entries(vm, tables, [SEEN, SEEN]);
    vm.read(vcpu, 0x11_000);
    expect(group(vm, vcpu).slice(0, 2)).toEqual(["none", "leaf"]);

    const logging = guest();
    logging.vm.set({ id: 2, gfn: 0x800, npages: 2, flags: 1 });
    logging.tables.map(0x10, 0x800, SEEN);
    logging.tables.map(0x11, 0x801, SEEN);
    logging.vm.read(logging.vcpu, 0x11_000);
    expect(group(logging.vm, logging.vcpu).slice(0, 2)).toEqual(["none", "leaf"]);
    expect(logging.vm.read(logging.vcpu, 0x10_000)).toMatchObject({ hva: 0x1080_0000 });
  });
});

describe("a large page of the guest", () => {
  /** Memory at gfns 0 to 0xfff in host pages of 2 MiB, tables at 0x100. */
  function withLargePages(hostPageLevel: 1 | 2 = 2) {
    const vm = new TestVm({ machine: { paging: "shadow", hostPageLevel } });
    vm.set({ id: 1, gfn: 0, npages: 0x1000 });
    const tables = new GuestTables(vm, ROOT);
    return { vm, tables, vcpu: vm.vcpu(tables.cr3) };
  }

  test("is mapped as one where the host's is large, too", () => {
    const { vm, tables, vcpu } = withLargePages();
    tables.map(0x1000, 2 * MIB_2, FLAGS, 2);
    expect(vm.write(vcpu, 0x10_23_000)).toMatchObject({ hva: HOST_BASE + 0x42_3000 });
    expect(vm.entry(vcpu, 0x10_23_000)).toMatchObject({ level: 2, frame: HOST_PAGE + 2 * MIB_2 });
    vm.expectConsistent();
  });

  test("is mapped piece by piece, by a direct table, where the host's is small", () => {
    const { vm, tables, vcpu } = withLargePages(1);
    tables.map(0x1000, 2 * MIB_2, SEEN, 2);
    vm.write(vcpu, 0x10_03_000);
    expect(vm.page({ level: 1 })).toMatchObject({ gfn: 2 * MIB_2, role: { direct: true } });
    expect(vm.entry(vcpu, 0x10_03_000)).toMatchObject({ level: 1, frame: HOST_PAGE + 0x403 });
    // Its neighbours before it are mapped along, as with direct paging.
    expect(vm.entry(vcpu, 0x10_02_000)).toMatchObject({ kind: "leaf" });
    vm.expectConsistent();
  });

  test("that can be written where it maps its own tables is mapped piece by piece", () => {
    const { vm, tables, vcpu } = withLargePages();
    tables.map(0x1000, 0, SEEN, 2); // gfns 0 to 0x1ff: the tables are among them
    expect(vm.write(vcpu, 0x10_00_000)).toMatchObject({ outcome: "mapped" });
    expect(vm.entry(vcpu, 0x10_00_000)).toMatchObject({ level: 1 });
    vm.expectConsistent();
  });

  test("whose rights change gets another direct table, with a flush", () => {
    const { vm, tables, vcpu } = withLargePages(1);
    tables.map(0x1000, 2 * MIB_2, FLAGS, 2);
    vm.read(vcpu, 0x10_00_000);
    const first = vm.page({ level: 1 });
    expect(first.role.access).toBe(5); // clean: not for writing
    vm.forget();
    vm.write(vcpu, 0x10_00_000);
    expect(vm.flushes).toEqual(["validate_direct_spte"]);
    expect(first.parent_ptes).toEqual([]);
    expect(vm.pages({ level: 1 }).map(({ role }) => role.access)).toEqual([7, 5]);
    vm.forget();
    vm.write(vcpu, 0x10_05_000); // the rights are right: the table is taken as it is
    expect(vm.flushes).toEqual([]);
    vm.expectConsistent();
  });

  test("is mapped piece by piece where dirty pages are logged", () => {
    const { vm, tables, vcpu } = withLargePages();
    vm.set({ id: 2, gfn: 0x2000, npages: MIB_2, flags: 1 });
    tables.map(0x1000, 0x2000, SEEN, 2);
    vm.write(vcpu, 0x10_05_000);
    expect(vm.entry(vcpu, 0x10_05_000)).toMatchObject({ level: 1, frame: HOST_PAGE + 0x2005 });
    expect(vm.slot(2).dirty_bitmap).toEqual(new Set([5]));
    vm.expectConsistent();
  });

  test("that gets a shadowed table meanwhile is not mapped as one: the guest faults again", () => {
    const { vm, tables, vcpu } = withLargePages();
    tables.map(0x10, 2 * MIB_2);
    const flat = vm.vcpu();
    const access = vm.thread(vm.accessTask(flat, { kind: "write", address: 0 }));
    access.until("slot.looked-up"); // gfns 0 to 0x1ff, in one piece
    vm.read(vcpu, 0x10_000);
    access.until("guest.enter");
    expect(vm.entry(flat, 0)).toMatchObject({ kind: "none", level: 2 });
    access.finish();
    expect(vm.entry(flat, 0)).toMatchObject({ kind: "leaf", level: 1 });
    vm.expectConsistent();
  });

  test("of 1 GiB is mapped in pages as large as the host's", () => {
    const { vm, tables, vcpu } = withLargePages();
    tables.map(0x40000, 0, PRESENT | ACCESSED, 3);
    expect(vm.read(vcpu, 0x4000_0000 + 0x600_000)).toMatchObject({ hva: HOST_BASE + 0x600_000 });
    expect(vm.entry(vcpu, 0x4060_0000)).toMatchObject({ level: 2 });
    vm.expectConsistent();
  });
});
