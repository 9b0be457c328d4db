// Layer 27, but for the MMIO cache: it is filled at any time, with the generation at that time. An
// access in flux is remembered as one of the slots to come (patch 3).
import { referenceDefinition } from "../../src/adapters/reference/reference-definition.ts";
import { fillCache } from "../../src/reference/base/vcpu_cache_mmio_info.ts";
import { composeThrough } from "../../src/reference/compose.ts";

const composition = composeThrough(27, {
  overrides: [
    {
      patch: 3,
      apply: () => ({
        *vcpu_cache_mmio_info(vcpu, gva, gfn, access) {
          yield "cache.fill";
          fillCache(vcpu, gva, gfn, access, vcpu.kvm.ops.mmioCacheGeneration(vcpu));
        },
      }),
    },
  ],
});

export default referenceDefinition(composition, "caches in flux");
