// Layer 27, but for the removal of a slot: it zaps every shadow page, which is safe and short
// (patch 11).
import { referenceDefinition } from "../../src/adapters/reference/reference-definition.ts";
import { composeThrough } from "../../src/reference/compose.ts";

const composition = composeThrough(27, {
  overrides: [
    {
      patch: 11,
      apply: () => ({
        *kvm_mmu_invalidate_zap_pages_in_memslot(kvm) {
          yield* kvm.ops.kvm_mmu_zap_all(kvm);
        },
      }),
    },
  ],
});

export default referenceDefinition(composition, "zaps everything");
