import { fillCache } from "../base/vcpu_cache_mmio_info.ts";
import { ACC_EXEC_MASK } from "../machine/constants.ts";
import type { Vcpu } from "../machine/vcpu.ts";
import type { Operations } from "../operations.ts";
import { mutantsOf, without } from "./mutant.ts";

const inFlux = ({ kvm }: Vcpu, generation: bigint): boolean =>
  (generation & kvm.ops.KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS) !== 0n;

/** The fill with another idea of when to fill, and of what to do instead. */
const fills = (
  when: (vcpu: Vcpu, generation: bigint) => boolean,
  otherwise: (vcpu: Vcpu) => void = () => undefined,
): (() => Pick<Operations, "vcpu_cache_mmio_info">) => {
  return () => ({
    *vcpu_cache_mmio_info(vcpu, gva, gfn, access) {
      yield "cache.fill";
      const generation = vcpu.kvm.ops.mmioCacheGeneration(vcpu);
      if (when(vcpu, generation)) fillCache(vcpu, gva, gfn, access, generation);
      else otherwise(vcpu);
    },
  });
};

const atRest = (vcpu: Vcpu, generation: bigint): boolean => !inFlux(vcpu, generation);

/**
 * The patch for one caller only. What an MMIO SPTE remembers of an access never has the execute
 * bit.
 */
const checkedFor =
  (checked: (fromSpte: boolean) => boolean) =>
  (ops: Operations, below: Operations): Pick<Operations, "vcpu_cache_mmio_info"> => ({
    vcpu_cache_mmio_info(vcpu, gva, gfn, access) {
      const { vcpu_cache_mmio_info } = checked((access & ACC_EXEC_MASK) === 0) ? ops : below;
      return vcpu_cache_mmio_info(vcpu, gva, gfn, access);
    },
  });

// Left out: a check of the vCPU's own address space. It differs for a vCPU in SMM only, and is half
// of E5's remedy.
export const mutants03 = mutantsOf(3, {
  "filled-in-flux": {
    title: "the cache is filled with the flagged number",
    apply: without("vcpu_cache_mmio_info"),
  },
  "cleared-in-flux": {
    title: "the cache is cleared in flux instead of left alone",
    apply: fills(atRest, ({ cache }) => {
      Object.assign(cache, { gva: 0, gfn: 0 });
    }),
  },
  "flag-taken-off": {
    title: "in flux the cache is filled with the number before the update",
    apply: () => ({
      *vcpu_cache_mmio_info(vcpu, gva, gfn, access) {
        yield "cache.fill";
        const { ops } = vcpu.kvm;
        const generation = ops.mmioCacheGeneration(vcpu);
        const old = generation & ~ops.KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS;
        fillCache(vcpu, gva, gfn, access, old);
      },
    }),
  },
  "spte-path-only": {
    title: "only a fill from an MMIO SPTE asks for the flag",
    apply: checkedFor((fromSpte) => fromSpte),
  },
  "fault-path-only": {
    title: "only a fill from the ordinary fault path asks for the flag",
    apply: checkedFor((fromSpte) => !fromSpte),
  },
  "number-read-twice": {
    title: "the number is read once for the check and once more for the store",
    apply: () => ({
      *vcpu_cache_mmio_info(vcpu, gva, gfn, access) {
        const read = (): bigint => vcpu.kvm.ops.mmioCacheGeneration(vcpu);
        yield "cache.fill";
        if (inFlux(vcpu, read())) return;
        yield "cache.fill";
        fillCache(vcpu, gva, gfn, access, read());
      },
    }),
  },
  "test-turned-around": {
    title: "the cache is filled in flux and at no other time",
    apply: fills(inFlux),
  },
  "never-filled": {
    title: "the cache is never filled",
    apply: fills(() => false),
  },
  "any-address-space-in-flux": {
    title: "an update of either address space keeps every vCPU from caching",
    apply: fills((vcpu) => vcpu.kvm.memslots.every(({ generation }) => atRest(vcpu, generation))),
  },
  "direct-paging-only": {
    title: "a fill with a guest virtual address does not ask for the flag",
    apply: fills((vcpu, generation) => vcpu.pagingShadowed || atRest(vcpu, generation)),
  },
});
