import { ModelBug } from "../machine/failures.ts";
import type { Kvm } from "../machine/kvm.ts";
import type { Architecture } from "../machine/machine.ts";
import { Memslots } from "../machine/memslots.ts";
import type { Task } from "../machine/thread.ts";

/**
 * What an architecture does after memslots changed; it is handed the set, or (patch 01) the new
 * generation.
 */
export type MemslotsUpdatedHook = (kvm: Kvm, updated: Memslots | bigint) => Task<void>;

/**
 * Tells the trace that the hook was called with a generation, and what readers see at that moment.
 */
export function announceHook(kvm: Kvm, generation: bigint): void {
  const published = kvm.memslots.map((set) => set.generation);
  kvm.log?.push({ event: "memslots.arch-updated", generation, published });
}

/**
 * The hook of an architecture that does not care; `generationOf` reads the generation from its
 * argument.
 */
export function hookOf(generationOf: (updated: Memslots | bigint) => bigint): MemslotsUpdatedHook {
  return function* (kvm, updated) {
    announceHook(kvm, generationOf(updated));
  };
}

/** The hook of x86: MMIO SPTEs may have become ambiguous. */
export function hookOfX86(
  generationOf: (updated: Memslots | bigint) => bigint,
): MemslotsUpdatedHook {
  return function* (kvm, updated) {
    const generation = generationOf(updated);
    announceHook(kvm, generation);
    yield* kvm.ops.kvm_mmu_invalidate_mmio_sptes(kvm, generation);
  };
}

function generationOfSet(updated: Memslots | bigint): bigint {
  if (updated instanceof Memslots) return updated.generation;
  throw new ModelBug("kvm_arch_memslots_updated takes the memslot set before patch 01");
}

/**
 * Called after an install, with the published set (arch/<architecture>/include/asm/kvm_host.h; x86:
 * x86.c). It does something only on x86. Changed by patch 01: takes the generation, is called
 * before that is stored.
 */
export const kvm_arch_memslots_updated: Readonly<Record<Architecture, MemslotsUpdatedHook>> = {
  arm: hookOf(generationOfSet),
  mips: hookOf(generationOfSet),
  powerpc: hookOf(generationOfSet),
  s390: hookOf(generationOfSet),
  x86: hookOfX86(generationOfSet),
};
