import type { Inside } from "./inside.ts";
import type { KernelMemory } from "./kernel-memory.ts";

/** The flag of a generation while an install is under way, from patch 08 on. */
export const IN_PROGRESS = 1n << 63n;

/** The slots of an address space, as readers see them at this moment. */
export interface LiveMemslots {
  readonly generation: bigint;
  /** Ids, ascending. */
  readonly ids: readonly number[];
}

/** The set of an address space that is published. */
const published = (memory: KernelMemory, kvm: bigint, as: number): Promise<bigint> =>
  memory.field("kvm", kvm, `memslots[${as}]`);

export async function memslotsOf(
  inside: Inside,
  memory: KernelMemory,
  { kvm, as }: { kvm: bigint; as: number },
): Promise<LiveMemslots> {
  const set = await published(memory, kvm, as);
  const generation = await memory.field("kvm_memslots", set, "generation");
  // Since v5.17 slots are found by a hash of their ids.
  const isHashed = inside.btf.has("kvm_memslots", "id_hash");
  const slots = isHashed ? await hashed(inside, memory, set) : await inArray(memory, set);
  const ids: number[] = [];
  for (const slot of slots) ids.push(Number(await memory.field("kvm_memory_slot", slot, "id")));
  return { generation, ids: ids.sort((a, b) => a - b) };
}

/** Whether it is known where numbers are: modules before v5.11 describe nothing, the image may. */
export const canSetGeneration = ({ btf }: Inside): boolean =>
  btf.has("kvm", "memslots[1]") && btf.has("kvm_memslots", "generation");

/** Writes the number of an address space into the kernel's memory. */
export async function setGeneration(
  memory: KernelMemory,
  { kvm, as }: { kvm: bigint; as: number },
  generation: bigint,
): Promise<void> {
  const set = await published(memory, kvm, as);
  await memory.setField("kvm_memslots", set, "generation", generation);
}

async function hashed({ btf }: Inside, memory: KernelMemory, set: bigint): Promise<bigint[]> {
  const { offset, size } = btf.field("kvm_memslots", "id_hash");
  const heads = await memory.read(set + BigInt(offset), size);
  const index = await memory.field("kvm_memslots", set, "node_idx");
  const node = btf.field("kvm_memory_slot", `id_node[${index}]`).offset;
  const slots: bigint[] = [];
  for (let head = 0; head < size; head += 8) {
    // struct hlist_node begins with its successor.
    for (let at = heads.readBigUInt64LE(head); at !== 0n; at = await memory.word(at)) {
      slots.push(at - BigInt(node));
    }
  }
  return slots;
}

async function inArray(memory: KernelMemory, set: bigint): Promise<bigint[]> {
  const used = Number(await memory.field("kvm_memslots", set, "used_slots"));
  return Array.from({ length: used }, (_, i) =>
    memory.addressOf("kvm_memslots", set, `memslots[${i}]`),
  );
}
