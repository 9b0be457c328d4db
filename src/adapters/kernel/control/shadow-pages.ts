import { CannotAssess } from "../../protocol/failure.ts";
import { ADDRESS, directMap, NO_ROOT, rootOf } from "./roots.ts";
import type { Inside } from "./inside.ts";
import type { KernelMemory } from "./kernel-memory.ts";
import { type Role, roleOf } from "./role.ts";
import { variableOf } from "./variable.ts";

/** A shadow page of a live kernel: struct kvm_mmu_page. */
export interface LiveShadowPage extends Role {
  /** Address of its description in the kernel. */
  readonly address: bigint;
  /** Address of its entries. */
  readonly spt: bigint;
  readonly gfn: number;
  readonly root_count: number;
  readonly unsync: boolean;
  /** Absent where the kernel keeps no such flag. */
  readonly mmio_cached?: boolean;
  /** Of a generation of the whole MMU that is no more; absent where there are none. */
  readonly obsolete?: boolean;
}

/** Whether pages say if entries for MMIO are in them. */
export const hasMmioCached = ({ btf }: Inside): boolean => btf.has("kvm_mmu_page", "mmio_cached");

/** Whether pages can be obsolete before they are zapped. */
export const canBeObsolete = ({ btf }: Inside): boolean =>
  btf.has("kvm_mmu_page", "mmu_valid_gen") && btf.has("kvm", "arch.mmu_valid_gen");

/**
 * All pages in use of the legacy MMU, newest first. Since v5.9 a root that was zapped while a vCPU
 * had it is on no list: it comes last. @throws CannotAssess if there are others that nobody finds
 */
export async function shadowPages(
  inside: Inside,
  memory: KernelMemory,
  { kvm, vcpus }: { kvm: bigint; vcpus: readonly bigint[] },
): Promise<LiveShadowPage[]> {
  const head = memory.addressOf("kvm", kvm, "arch.active_mmu_pages");
  const found = new Set(await memory.list(head, "kvm_mmu_page", "link"));
  for (const vcpu of vcpus) {
    for (const root of await rootsOf(inside, memory, vcpu)) found.add(root);
  }
  const used = Number(await memory.field("kvm", kvm, "arch.n_used_mmu_pages"));
  if (found.size !== used) {
    throw new CannotAssess(
      `all shadow pages in use: the kernel has ${used}, ${found.size} are found`,
    );
  }
  const valid = canBeObsolete(inside)
    ? await memory.field("kvm", kvm, "arch.mmu_valid_gen")
    : undefined;
  const keepsMmio = hasMmioCached(inside);
  const pages: LiveShadowPage[] = [];
  for (const address of found) {
    const field = await memory.structure("kvm_mmu_page", address);
    pages.push({
      address,
      spt: field("spt"),
      gfn: Number(field("gfn")),
      ...roleOf((name) => field(`role.${name}`)),
      root_count: Number(field("root_count")),
      unsync: field("unsync") === 1n,
      ...(keepsMmio && { mmio_cached: field("mmio_cached") === 1n }),
      ...(valid !== undefined && { obsolete: field("mmu_valid_gen") !== valid }),
    });
  }
  return pages;
}

/** Roots of PAE are four entries of a table that is no shadow page. */
const PAE_LEVEL = 3;
const PAE_ROOTS = 4;

/** The shadow pages that a vCPU has as roots: the one in use, and those before it. */
async function rootsOf(inside: Inside, memory: KernelMemory, vcpu: bigint): Promise<bigint[]> {
  const mmu = await memory.field("kvm_vcpu", vcpu, "arch.mmu");
  const { hpa, level } = await rootOf(inside, memory, mmu);
  const tables: bigint[] = [];
  if (level === PAE_LEVEL && hpa !== NO_ROOT) {
    const table = (await directMap(inside, memory)) + (hpa & ADDRESS);
    for (let i = 0; i < PAE_ROOTS; i++) tables.push(await memory.word(table + BigInt(8 * i)));
  } else tables.push(hpa);
  for (let i = 0; inside.btf.has("kvm_mmu", `prev_roots[${i}].hpa`) && i < PREVIOUS_ROOTS; i++) {
    tables.push(await memory.field("kvm_mmu", mmu, `prev_roots[${i}].hpa`));
  }
  const roots: bigint[] = [];
  for (const table of tables) {
    if (table === NO_ROOT || (table & ADDRESS) === 0n) continue;
    const page = await pageHeader(inside, memory, table & ADDRESS);
    if (page !== 0n) roots.push(page);
  }
  return roots;
}

/** KVM_MMU_NUM_PREV_ROOTS */
const PREVIOUS_ROOTS = 3;

/** page_header, to_shadow_page: the description of the shadow page whose entries lie there. */
async function pageHeader(inside: Inside, memory: KernelMemory, physical: bigint): Promise<bigint> {
  const pages = await variableOf(inside, memory, "vmemmap_base", VMEMMAP);
  const at = pages + (physical >> 12n) * BigInt(inside.btf.size("page"));
  return memory.field("page", at, "private");
}

/** Where the descriptions of all frames are, unless the kernel has chosen another place. */
const VMEMMAP = 0xffff_ea00_0000_0000n;
