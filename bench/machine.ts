import { composeThrough } from "../src/reference/compose.ts";
import { guestAccess } from "../src/reference/kernel/guest.ts";
import { kvm_set_memory_region } from "../src/reference/kernel/memory-region.ts";
import { createVcpu } from "../src/reference/kernel/vm.ts";
import { Kvm } from "../src/reference/machine/kvm.ts";
import { machineParameters } from "../src/reference/machine/machine.ts";
import { runToEnd } from "../src/reference/machine/thread.ts";
import type { Vcpu } from "../src/reference/machine/vcpu.ts";

export const PAGE = 4096;

/** A VM of the reference without an event log, as benches use it. */
export function benchVm(
  layer: number,
  parameters: Parameters<typeof machineParameters>[0] = {},
): Kvm {
  return new Kvm(machineParameters(parameters), composeThrough(layer).ops, null);
}

export function setRegion(
  kvm: Kvm,
  slot: number,
  gpa: number,
  size: number,
  hva: number,
  flags = 0,
): void {
  const result = runToEnd(
    kvm_set_memory_region(kvm, {
      slot,
      flags,
      guest_phys_addr: BigInt(gpa),
      memory_size: BigInt(size),
      userspace_addr: BigInt(hva),
    }),
  );
  if (result !== null) throw new Error(`the bench's region call fails with ${result}`);
}

/** Reads one page after the other: each is a fault on fresh memory. */
export function touch(vcpu: Vcpu, gpa: number, npages: number): void {
  for (let page = 0; page < npages; page++) {
    runToEnd(guestAccess(vcpu, { kind: "read", address: gpa + page * PAGE, size: 8, value: 0n }));
  }
}

export { createVcpu };
