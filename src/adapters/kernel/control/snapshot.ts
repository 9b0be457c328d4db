import type { WireSnapshot } from "../../protocol/messages.ts";
import { hex } from "../../record.ts";
import { isStubPage, STUB_SLOT } from "../stub.ts";
import { entryAt, type LiveEntry, type MmioMasks } from "./entries.ts";
import type { Inside } from "./inside.ts";
import type { KernelMemory } from "./kernel-memory.ts";
import { IN_PROGRESS, memslotsOf } from "./memslots.ts";
import type { MmioLayout } from "./mmio-layout.ts";
import { type LiveShadowPage, shadowPages } from "./shadow-pages.ts";
import { vcpusOf } from "./vcpus.ts";

/** A VM of a live kernel that is looked at. */
export interface LookedAt {
  /** Address of struct kvm. */
  readonly kvm: bigint;
  /** The address space of each of its vCPUs. */
  readonly as: readonly number[];
  readonly masks: MmioMasks;
  readonly layout: MmioLayout | null;
}

/** A leaf whose frame is not yet an address of the host. */
interface Found {
  readonly entry: LiveEntry;
  readonly frame: bigint | null;
}

type MemoryCache = {
  readonly gva: string;
  readonly gfn: string;
  readonly generation: string;
  readonly matches: boolean;
} | null;

/**
 * The state of a live kernel's VM, as the vocabulary describes it, without what only the guest's
 * code needs. What cannot be seen is left out.
 */
export interface LiveSnapshot {
  readonly memslots: readonly object[];
  readonly pages: readonly object[];
  readonly entries: readonly Found[];
  readonly vcpus: readonly { readonly smm: boolean; readonly cache: MemoryCache }[];
  readonly counters: { readonly used_pages: number; readonly pending_pages: number };
}

/** Looks at a kernel that stands. */
export async function takeLiveSnapshot(
  inside: Inside,
  memory: KernelMemory,
  vm: LookedAt,
  { entries: places = [] }: WireSnapshot,
): Promise<LiveSnapshot> {
  const { kvm, as } = vm;
  const addresses = await vcpusOf(inside, memory, { kvm, count: as.length });
  const all = await shadowPages(inside, memory, { kvm, vcpus: addresses });
  const generations: bigint[] = [];
  const memslots: object[] = [];
  for (const space of [0, 1]) {
    const { generation, ids } = await memslotsOf(inside, memory, { kvm, as: space });
    generations.push(generation);
    memslots.push({
      as: space,
      generation: hex(generation),
      in_flux: (generation & IN_PROGRESS) !== 0n,
      slots: ids.filter((id) => id !== STUB_SLOT),
    });
  }
  const entries: Found[] = [];
  for (const { vcpu, gpa, gva } of places) {
    const address = BigInt((gpa ?? gva)!);
    const walk = { ...vm, vcpu: addresses[vcpu]!, address, pages: all };
    entries.push(await entryAt(inside, memory, walk));
  }
  const vcpus: { smm: boolean; cache: MemoryCache }[] = [];
  for (const [i, address] of addresses.entries()) {
    const cache = await cacheOf(inside, memory, {
      vcpu: address,
      generation: generations[as[i]!]!,
    });
    vcpus.push({ smm: as[i] === 1, cache });
  }
  const pages = all.filter(({ gfn }) => !isStubPage(gfn));
  return {
    memslots,
    pages: pages.map(told),
    entries,
    vcpus,
    counters: { used_pages: pages.length, pending_pages: await pendingPages(inside, memory, kvm) },
  };
}

/** Pages that are zapped and wait to be freed, where the kernel keeps such a list. */
async function pendingPages({ btf }: Inside, memory: KernelMemory, kvm: bigint): Promise<number> {
  const list = "arch.zapped_obsolete_pages";
  if (!btf.has("kvm", list)) return 0;
  const head = memory.addressOf("kvm", kvm, list);
  let pages = 0;
  for (const page of await memory.list(head, "kvm_mmu_page", "link")) {
    if (!isStubPage(Number(await memory.field("kvm_mmu_page", page, "gfn")))) pages++;
  }
  return pages;
}

const told = ({ address: _address, spt: _spt, gfn, ...fields }: LiveShadowPage): object => ({
  gfn: hex(gfn),
  ...fields,
});

/** What a vCPU has cached of its last MMIO access, and whether it would be believed now. */
async function cacheOf(
  { btf }: Inside,
  memory: KernelMemory,
  { vcpu, generation }: { vcpu: bigint; generation: bigint },
): Promise<MemoryCache> {
  const field = (name: string): Promise<bigint> => memory.field("kvm_vcpu", vcpu, `arch.${name}`);
  const gva = await field("mmio_gva");
  const gfn = await field("mmio_gfn");
  const number = await field("mmio_gen");
  if (gva === 0n && gfn === 0n) return null;
  const role = btf.has("kvm_mmu", "root_role.direct") ? "root_role.direct" : "direct_map";
  const isDirect = (await memory.field("kvm_mmu", await field("mmu"), role)) === 1n;
  const matches = (isDirect ? gfn : gva) !== 0n && number === generation;
  return { gva: hex(gva), gfn: hex(gfn), generation: hex(number), matches };
}
