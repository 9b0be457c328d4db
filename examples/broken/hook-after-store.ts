// Layer 27, but for the order of an install: the new generation is stored first, and then the hook
// is told of it. It reads well, and nothing shows it without a race (patch 1).
import { referenceDefinition } from "../../src/adapters/reference/reference-definition.ts";
import { composeThrough } from "../../src/reference/compose.ts";
import {
  callHook,
  publishAndSynchronize,
  storeGeneration,
} from "../../src/reference/kernel/publish.ts";

const composition = composeThrough(27, {
  overrides: [
    {
      patch: 8,
      apply: () => ({
        *install_new_memslots(kvm, as_id, slots) {
          const flag = kvm.ops.KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS;
          const next = kvm.memslots[as_id]!.generation + BigInt(kvm.machine.addressSpaces);
          slots.generation = kvm.memslots[as_id]!.generation | flag;
          yield* publishAndSynchronize(kvm, as_id, slots);
          yield* storeGeneration(kvm, as_id, slots, next);
          yield* callHook(kvm, next);
        },
      }),
    },
  ],
});

export default referenceDefinition(composition, "hook after the store");
