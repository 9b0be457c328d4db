import type { Inside } from "./inside.ts";
import type { KernelMemory } from "./kernel-memory.ts";

/** An entry of an xarray that leads to a node, and not to what is stored. */
const isNode = (entry: bigint): boolean => (entry & 3n) === 2n;

/** The first vCPUs of a VM: addresses of struct kvm_vcpu. */
export async function vcpusOf(
  { btf }: Inside,
  memory: KernelMemory,
  { kvm, count }: { kvm: bigint; count: number },
): Promise<bigint[]> {
  // Since v5.17 they are in an xarray.
  const isArray = !btf.has("kvm", "vcpu_array");
  const head = isArray ? 0n : await memory.field("kvm", kvm, "vcpu_array.xa_head");
  const vcpus: bigint[] = [];
  for (let i = 0; i < count; i++) {
    if (isArray) vcpus.push(await memory.field("kvm", kvm, `vcpus[${i}]`));
    else vcpus.push(await entryAt(memory, head, i));
  }
  return vcpus;
}

/** What an xarray has at a small index: its head, or a slot of its only node. */
async function entryAt(memory: KernelMemory, head: bigint, index: number): Promise<bigint> {
  if (!isNode(head)) return head;
  return memory.field("xa_node", head - 2n, `slots[${index}]`);
}
