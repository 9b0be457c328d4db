import type { Vcpu } from "../../src/reference/machine/vcpu.ts";
import { GuestTables } from "./guest-tables.ts";
import { TestVm, type VmOptions } from "./vm.ts";

/** Where the guest's root table is; the other tables follow in the order of their first use. */
export const ROOT = 0x100;

/** A VM whose vCPU has its own page tables shadowed: memory at gfns 0 to 0x3ff, nothing mapped. */
export function guest({ machine, ...options }: VmOptions = {}): {
  vm: TestVm;
  tables: GuestTables;
  vcpu: Vcpu;
} {
  const vm = new TestVm({ machine: { paging: "shadow", ...machine }, ...options });
  vm.set({ id: 1, gfn: 0, npages: 0x400 });
  const tables = new GuestTables(vm, ROOT);
  return { vm, tables, vcpu: vm.vcpu(tables.cr3) };
}

/**
 * As `guest`, and the level 1 table of virtual pages 0 to 0x1ff is out of step: page 0x10 maps gfn
 * 0x200 and page 0x20 the table itself, through which the guest has written to it.
 */
export function guestOutOfStep(options: VmOptions = {}) {
  const made = guest(options);
  const { vm, tables, vcpu } = made;
  tables.map(0x10, 0x200);
  tables.map(0x20, tables.table(0x10, 1));
  vm.write(vcpu, 0x10_000);
  vm.write(vcpu, 0x20_ff8, 0n);
  return { ...made, table: vm.page({ level: 1, direct: false }) };
}
