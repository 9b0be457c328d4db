import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { check } from "../../../suites/support/property.ts";
import {
  drop_large_spte,
  mapping_level,
  mmu_gfn_lpage_is_disallowed,
} from "../../../src/reference/kernel/map.ts";
import type { MachineParameters } from "../../../src/reference/machine/machine.ts";
import type { Vcpu } from "../../../src/reference/machine/vcpu.ts";
import { GuestTables } from "../../support/guest-tables.ts";
import { HOST_BASE, HOST_PAGE, TestVm } from "../../support/vm.ts";

const LOG_DIRTY = 1;
const MIB_2 = 0x200;
const GIB = 0x40000;

/** Empty entries, and mapped ones. */
const NONE = ["none", "none", "none"];
const LEAVES = ["leaf", "leaf", "leaf", "leaf"];

/** What stands in the entries of an aligned group of eight gfns. */
const group = (vm: TestVm, vcpu: Vcpu, first: number): (string | undefined)[] =>
  Array.from({ length: 8 }, (_, i) => vm.entry(vcpu, (first + i) * 4096)?.kind);

describe("a fault of a vCPU with direct paging also maps neighbours", () => {
  test("as in the example: MMIO entries before a present one are overwritten and need no fault", () => {
    const vm = new TestVm();
    vm.set({ id: 1, gfn: 0xc83, npages: 1 });
    const vcpu = vm.vcpu();
    vm.read(vcpu, 0xc8_1000);
    vm.read(vcpu, 0xc8_2000);
    vm.read(vcpu, 0xc8_3000);
    expect(group(vm, vcpu, 0xc80).slice(0, 4)).toEqual(["none", "mmio", "mmio", "leaf"]);

    vm.set({ id: 2, gfn: 0xc80, npages: 3 });
    vm.read(vcpu, 0xc8_0000);
    expect(group(vm, vcpu, 0xc80).slice(0, 4)).toEqual(["leaf", "leaf", "leaf", "leaf"]);
    expect(vm.read(vcpu, 0xc8_1000).outcome).toBe("hit");
    expect(vm.read(vcpu, 0xc8_2000).outcome).toBe("hit");
    vm.expectConsistent();
  });

  test("only before the one touched, and before others that are mapped", () => {
    const vm = new TestVm();
    vm.set({ id: 1, gfn: 0x100, npages: 0x20 });
    const vcpu = vm.vcpu();
    vm.read(vcpu, 0x10_3000);
    expect(group(vm, vcpu, 0x100)).toEqual([...LEAVES, "none", ...NONE]);
    expect(new Set(group(vm, vcpu, 0x108))).toEqual(new Set(["none"]));
    vm.read(vcpu, 0x10_7000);
    expect(group(vm, vcpu, 0x100)).toEqual([...LEAVES, ...LEAVES]);
  });

  test("which count as not accessed until they are", () => {
    const vm = new TestVm();
    vm.set({ id: 1, gfn: 0x100, npages: 8 });
    const vcpu = vm.vcpu();
    vm.write(vcpu, 0x10_1000);
    const table = vm.page({ level: 1 });
    const bits = (index: number): boolean[] => {
      const { accessed, dirty } = vm.kvm.masks;
      return [accessed, dirty].map((bit) => (table.spt.low(index) & bit) !== 0);
    };
    expect([bits(0x100), bits(0x101)]).toEqual([
      [false, true],
      [true, true],
    ]);
    vm.read(vcpu, 0x10_0000);
    expect(bits(0x100)).toEqual([true, true]);
  });

  test("not in a slot that logs dirty pages: a write to them would go unseen", () => {
    const vm = new TestVm();
    vm.set({ id: 1, gfn: 0x100, npages: 8, flags: LOG_DIRTY });
    const vcpu = vm.vcpu();
    vm.write(vcpu, 0x10_3000);
    expect(group(vm, vcpu, 0x100)).toEqual([...NONE, "leaf", "none", ...NONE]);
    expect(vm.slot(1).dirty_bitmap).toEqual(new Set([3]));
  });

  test("not when the run reaches out of the slot, and then no further run either", () => {
    const vm = new TestVm();
    vm.set({ id: 1, gfn: 0x100, npages: 2 });
    vm.set({ id: 2, gfn: 0x103, npages: 2 });
    const vcpu = vm.vcpu();
    vm.read(vcpu, 0x10_4000); // gfns 0x100 to 0x103 are no single slot's
    expect(group(vm, vcpu, 0x100)).toEqual(["none", ...NONE, "leaf", ...NONE]);
  });

  test("as far as the host has the pages, and then no further run", () => {
    const resident = [0x101, 0x102, 0x105].map((gfn) => ({
      hva: (HOST_PAGE + gfn) * 4096,
      npages: 1,
    }));
    const vm = new TestVm({ machine: { resident } });
    vm.set({ id: 1, gfn: 0x100, npages: 8 });
    const vcpu = vm.vcpu();
    vm.read(vcpu, 0x10_1000); // nothing before: the host does not have 0x100
    vm.read(vcpu, 0x10_4000); // 0x100 comes first, and stops it
    expect(group(vm, vcpu, 0x100)).toEqual(["none", "leaf", "none", "none", "leaf", ...NONE]);
    vm.read(vcpu, 0x10_0000); // now 0x102, which ends before 0x103 is not there
    expect(group(vm, vcpu, 0x100)).toEqual(["leaf", "leaf", "leaf", "none", "leaf", ...NONE]);
    vm.read(vcpu, 0x10_7000); // 0x103 comes first again, and stops it before 0x105
    expect(group(vm, vcpu, 0x100)).toEqual([
      ...["leaf", "leaf", "leaf", "none"],
      ...["leaf", "none", "none", "leaf"],
    ]);
    vm.expectConsistent();
  });

  test("which are runs that end just before a translation or the new one, whatever came before", () => {
    const scene = fc.record({
      resident: fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
      touches: fc.array(fc.nat({ max: 7 }), { minLength: 1, maxLength: 5 }),
    });
    check(scene, 200, ({ resident, touches }) => {
      const runs = resident.flatMap((there, i) =>
        there ? [{ hva: (HOST_PAGE + 0x100 + i) * 4096, npages: 1 }] : [],
      );
      const vm = new TestVm({ machine: { resident: runs } });
      vm.set({ id: 1, gfn: 0x100, npages: 8 });
      const vcpu = vm.vcpu();
      const there = [...resident];
      let mapped = new Array<boolean>(8).fill(false);
      for (const touched of touches) {
        vm.read(vcpu, (0x100 + touched) * 4096);
        if (!mapped[touched]) {
          there[touched] = true;
          mapped = prefetched(mapped, there, touched);
        }
        expect(group(vm, vcpu, 0x100)).toEqual(mapped.map((each) => (each ? "leaf" : "none")));
      }
      vm.expectConsistent();
    });
  });
});

/** What is mapped in a group after a fault, said once more: run by run. */
function prefetched(before: readonly boolean[], there: readonly boolean[], at: number): boolean[] {
  const after = [...before];
  after[at] = true;
  const ends = [0, 1, 2, 3, 4, 5, 6, 7].filter((i) => i === at || before[i]);
  for (const end of ends) {
    const run: number[] = [];
    for (let i = end - 1; i >= 0 && !before[i] && i !== at; i--) run.unshift(i);
    if (run.length === 0) continue;
    if (!there[run[0]!]) break; // nothing could be mapped: the kernel gives up here
    for (const i of run) {
      if (!there[i]) break;
      after[i] = true;
    }
  }
  return after;
}

describe("the level of a mapping", () => {
  const vmWith = (machine: Partial<MachineParameters>, slot = {}): { vm: TestVm; vcpu: Vcpu } => {
    const vm = new TestVm({ machine });
    vm.set({ id: 1, gfn: GIB, npages: 2 * GIB, hva: GIB * 4096, ...slot });
    return { vm, vcpu: vm.vcpu() };
  };
  const levelAt = ({ vm, vcpu }: { vm: TestVm; vcpu: Vcpu }, gfn: number): number | undefined => {
    expect(vm.read(vcpu, gfn * 4096).outcome).toBe("mapped");
    vm.expectConsistent();
    return vm.entry(vcpu, gfn * 4096)?.level;
  };

  test.each([
    ["ept", 1, 1],
    ["ept", 2, 2],
    ["ept", 3, 3],
    ["npt", 3, 3],
    ["shadow", 3, 2],
  ] as const)(
    "with %s and host pages of level %i is %i (PAE roots reach 2 MiB)",
    (paging, hostPageLevel, level) => {
      expect(levelAt(vmWith({ paging, hostPageLevel }), GIB + 0x1234)).toBe(level);
    },
  );

  test("a large mapping starts at the aligned gfn and has the frame of that", () => {
    const at = vmWith({ hostPageLevel: 2 });
    expect(levelAt(at, GIB + MIB_2 + 7)).toBe(2);
    const [first, second] = [GIB + MIB_2, GIB + 2 * MIB_2].map((gfn) =>
      at.vm.entry(at.vcpu, gfn * 4096),
    );
    expect(first).toMatchObject({ kind: "leaf", frame: GIB + MIB_2 });
    expect(second).toMatchObject({ kind: "none" });
    expect(at.vm.read(at.vcpu, (GIB + MIB_2 + 0x1ff) * 4096)).toMatchObject({
      outcome: "hit",
      hva: (GIB + MIB_2 + 0x1ff) * 4096,
    });
  });

  test("is small where guest and host address are not aligned alike", () => {
    expect(levelAt(vmWith({ hostPageLevel: 3 }, { hva: (GIB + 1) * 4096 }), GIB + MIB_2)).toBe(1);
    expect(levelAt(vmWith({ hostPageLevel: 3 }, { hva: (GIB + MIB_2) * 4096 }), GIB)).toBe(2);
  });

  test("is small at the ragged ends of a slot", () => {
    const ragged = {
      gfn: GIB + 1,
      npages: 3 * MIB_2,
      hva: (GIB + 1) * 4096,
    };
    const at = vmWith({ hostPageLevel: 3 }, ragged);
    const levels = [GIB + 1, GIB + MIB_2, GIB + 3 * MIB_2].map((gfn) => levelAt(at, gfn));
    expect(levels).toEqual([1, 2, 1]);
  });

  test("is small where the host page was split", () => {
    const at = vmWith({ hostPageLevel: 2 });
    at.vm.releaseHost(GIB + 5);
    expect(levelAt(at, GIB + 9)).toBe(1);
    expect(levelAt(at, GIB + MIB_2)).toBe(2);
  });

  test("is small while dirty pages are logged, without a slot, and while the slot goes", () => {
    const small = { level: 1, force_pt_level: true };
    const { vm, vcpu } = vmWith({ hostPageLevel: 2 });
    expect(mapping_level(vcpu, GIB)).toEqual({ level: 2, force_pt_level: false });
    expect(mapping_level(vcpu, GIB - 1)).toEqual(small);
    vm.set({ id: 1, gfn: GIB, npages: 2 * GIB, hva: GIB * 4096, flags: LOG_DIRTY });
    expect(mapping_level(vcpu, GIB)).toEqual(small);
    vm.set({ id: 1, gfn: GIB, npages: 2 * GIB, hva: GIB * 4096 });
    vm.thread(vm.regionCall({ id: 1, gfn: 0, npages: 0 })).until("memslots.published");
    expect(mapping_level(vcpu, GIB)).toEqual(small);
  });

  test("large pages are out of question where there is no slot", () => {
    const { vcpu } = vmWith({});
    expect(mmu_gfn_lpage_is_disallowed(vcpu, GIB - 1, 2)).toBe(true);
    expect(mmu_gfn_lpage_is_disallowed(vcpu, GIB, 2)).toBe(false);
  });

  test("a shadowed guest page table keeps the 2 MiB around it in small pages", () => {
    const vm = new TestVm({ machine: { paging: "shadow", hostPageLevel: 2 } });
    vm.set({ id: 1, gfn: 0, npages: 4 * MIB_2, hva: HOST_BASE });
    const tables = new GuestTables(vm, MIB_2);
    const vcpu = vm.vcpu(tables.cr3);
    // Guest large pages: the region of the tables, and one without tables.
    tables.map(0, MIB_2, undefined, 2);
    tables.map(MIB_2, 2 * MIB_2, undefined, 2);
    vm.read(vcpu, 0x10_0000);
    vm.read(vcpu, 0x30_0000);
    expect(vm.entry(vcpu, 0x10_0000)).toMatchObject({ kind: "leaf", level: 1 });
    expect(vm.entry(vcpu, 0x30_0000)).toMatchObject({ kind: "leaf", level: 2 });
    vm.expectConsistent();
  });
});

describe("a large translation in the way of a table", () => {
  test("is dropped, with a flush; anything else is left alone", () => {
    const vm = new TestVm({ machine: { hostPageLevel: 2 } });
    vm.set({ id: 1, gfn: 0, npages: 2 * MIB_2, hva: HOST_BASE });
    const vcpu = vm.vcpu();
    vm.read(vcpu, 0);
    vm.forget();
    const tables = [4, 3].map((level) => vm.page({ level }));
    for (const sp of tables) drop_large_spte(vcpu, sp, 0); // links to tables
    const directory = vm.page({ level: 2 });
    drop_large_spte(vcpu, directory, 1); // empty
    expect(vm.flushes).toEqual([]);
    expect(vm.entry(vcpu, 0)).toMatchObject({ kind: "leaf", level: 2 });
    drop_large_spte(vcpu, directory, 0);
    expect(vm.flushes).toEqual(["drop_large_spte"]);
    expect(vm.entry(vcpu, 0)).toMatchObject({ kind: "none", level: 2 });
    vm.expectConsistent();
  });
});

describe("a translation of another frame in the way", () => {
  test("is replaced, with a flush", () => {
    // Two virtual pages of a guest, of which one is turned to another gfn behind a
    // write-protection.
    const vm = new TestVm({ machine: { paging: "shadow" } });
    vm.set({ id: 1, gfn: 0, npages: 0x400 });
    const tables = new GuestTables(vm, 0x100);
    const vcpu = vm.vcpu(tables.cr3);
    tables.map(0x10, 0x200);
    vm.read(vcpu, 0x10_000);
    tables.map(0x10, 0x201); // by a device: nobody is told
    vm.forget();
    // The guest flushes its TLB by itself, but the table was never unsync: the entry stays.
    vm.invlpg(vcpu, 0x10_000);
    expect(vm.read(vcpu, 0x10_000)).toMatchObject({ hva: 0x1020_0000 });
    // A write finds the clean entry read-only, walks the guest's tables, and maps the new gfn.
    expect(vm.write(vcpu, 0x10_000)).toMatchObject({ outcome: "mapped", hva: 0x1020_1000 });
    expect(vm.flushes).toEqual(["mmu_set_spte"]);
    vm.expectConsistent();
  });
});

describe("a gfn that is mapped more than a thousand times", () => {
  test("loses all its mappings at once", () => {
    const vm = new TestVm({ machine: { paging: "shadow" } });
    vm.set({ id: 1, gfn: 0, npages: 0x400 });
    const tables = new GuestTables(vm, 0x100);
    const vcpu = vm.vcpu(tables.cr3);
    const TARGET = 0x200;
    // The last one begins a group of eight: it has no neighbours that would be mapped with it.
    const FIRST = 7;
    const LAST = FIRST + 1001;
    for (let page = FIRST; page <= LAST; page++) tables.map(page, TARGET);
    const { rmap } = vm.slot(1).arch;
    const mapped = (): number => rmap[0]!.pointers(TARGET).length;
    for (let page = FIRST; page < LAST; page++) vm.read(vcpu, page * 4096);
    expect(mapped()).toBe(1001);
    expect(vm.flushes).not.toContain("rmap_recycle");

    vm.forget();
    expect(vm.read(vcpu, LAST * 4096)).toMatchObject({ outcome: "mapped", hva: 0x1020_0000 });
    expect(vm.flushes).toEqual(["rmap_recycle"]);
    // The access that overflowed the list came back and mapped the page for itself alone.
    expect(mapped()).toBe(1);
    vm.expectConsistent();
  });
});
