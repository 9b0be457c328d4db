import { callHook, publishAndSynchronize, storeGeneration } from "../kernel/publish.ts";
import { warn } from "../machine/events.ts";
import { u64 } from "../machine/u64.ts";
import { patch } from "../patch.ts";

export const inProgressBit = patch({
  number: 4,
  title: 'KVM: Explicitly define the "memslot update in-progress" bit',
  kinds: ["interface"],
  commit: "361209e054a2c9f34da090ee1ee4c1e8bfe76a64",
  requires: { 1: "both write the install, and 01 puts the hook before the store" },
  apply: (below) => ({
    declared: [...below.declared, "KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS"],
    *install_new_memslots(kvm, as_id, slots) {
      const flag = kvm.ops.KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS;
      const old = kvm.memslots[as_id]!.generation;
      if (old & flag) warn(kvm, "install_new_memslots");
      slots.generation = u64(old | flag);
      yield* publishAndSynchronize(kvm, as_id, slots);
      const settled = slots.generation & ~flag;
      const generation = u64(settled + BigInt(kvm.machine.addressSpaces * 2));
      yield* callHook(kvm, generation);
      yield* storeGeneration(kvm, as_id, slots, generation);
    },
  }),
});
