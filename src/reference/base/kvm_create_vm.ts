import type { Kvm } from "../machine/kvm.ts";
import { Memslots } from "../machine/memslots.ts";
import { u64 } from "../machine/u64.ts";

/**
 * Gives every address space of a new VM its empty memslot set; the generations start shortly before
 * they wrap, so that the handling of wraps gets exercised (virt/kvm/kvm_main.c). Changed by patch
 * 07 (starts at 2 * i), 08 (starts at i).
 */
export function kvm_create_vm(kvm: Kvm): void {
  for (let i = 0; i < kvm.machine.addressSpaces; i++) {
    kvm.memslots[i] = new Memslots(u64(BigInt(i * 2 - 150)), []);
  }
}
