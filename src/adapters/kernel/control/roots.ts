import { bits } from "../../../reference/machine/u64.ts";
import type { Inside } from "./inside.ts";
import type { KernelMemory } from "./kernel-memory.ts";
import { variableOf } from "./variable.ts";

/** Where an entry has an address. */
export const ADDRESS = bits(51, 12);
/** A root that a vCPU has not got. */
export const NO_ROOT = bits(63, 0);
/** Where the kernel maps all memory, unless it has chosen another place. */
const DIRECT_MAP = 0xffff_8880_0000_0000n;

/** Where the kernel sees the first byte of the machine's memory. */
export const directMap = (inside: Inside, memory: KernelMemory): Promise<bigint> =>
  variableOf(inside, memory, "page_offset_base", DIRECT_MAP);

/** The root of a struct kvm_mmu: its physical address, and the level that walks begin at. */
export async function rootOf(
  { btf }: Inside,
  memory: KernelMemory,
  mmu: bigint,
): Promise<{ hpa: bigint; level: number }> {
  const root = btf.has("kvm_mmu", "root.hpa") ? "root.hpa" : "root_hpa";
  const depth = btf.has("kvm_mmu", "root_role.level") ? "root_role.level" : "shadow_root_level";
  return {
    hpa: await memory.field("kvm_mmu", mmu, root),
    level: Number(await memory.field("kvm_mmu", mmu, depth)),
  };
}
