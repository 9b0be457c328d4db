import type { Memslot, MemslotArch, SlotPlace } from "../machine/memslots.ts";

/**
 * The arrays of a slot that changes: those that it has, also where it moves
 * (kvm_arch_prepare_memory_region, arch/x86/kvm/x86.c). No patch of the series touches it; E8 does.
 */
export const archOfChangedSlot = (old: Memslot, _place: SlotPlace): MemslotArch => old.arch;
