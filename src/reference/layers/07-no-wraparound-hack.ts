import { Memslots } from "../machine/memslots.ts";
import { patch } from "../patch.ts";

export const noWraparoundHack = patch({
  number: 7,
  title: "KVM: Remove the hack to trigger memslot generation wraparound",
  kinds: ["encoding"],
  requires: {},
  apply: () => ({
    kvm_create_vm(kvm) {
      for (let i = 0; i < kvm.machine.addressSpaces; i++) {
        kvm.memslots[i] = new Memslots(BigInt(i * 2), []);
      }
    },
  }),
});
