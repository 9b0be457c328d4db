import { CannotAssess } from "../../protocol/failure.ts";
import { hex } from "../../record.ts";
import { bits } from "../../../reference/machine/u64.ts";
import type { Inside } from "./inside.ts";
import type { KernelMemory } from "./kernel-memory.ts";
import { type MmioLayout, numberIn } from "./mmio-layout.ts";
import { ADDRESS, directMap, NO_ROOT, rootOf } from "./roots.ts";
import type { LiveShadowPage } from "./shadow-pages.ts";
import { SymbolMissing } from "./symbols.ts";
import { variableOf } from "./variable.ts";

const PRESENT = 1n << 0n;
const WRITABLE = 1n << 1n;
const LARGE = 1n << 7n;
/** Kernels that have no mask for MMIO SPTEs know them by these bits: both set. */
const SPECIAL = bits(53, 52);
/** How far up the part of a gfn is moved that would tell an attacker of memory. */
const MOVED = 5n;

/** Where the walk for an address ends, as a snapshot tells it. */
export type LiveEntry = Readonly<Record<string, string | number | boolean>>;

/** How MMIO SPTEs look on this kernel. */
export interface MmioMasks {
  readonly mask: bigint;
  readonly value: bigint;
  readonly access: bigint;
  /** The part of the gfn that stands where an address does, and that which was moved up. */
  readonly gfn: bigint;
  readonly movedGfn: bigint;
  readonly directMap: bigint;
}

/** @throws SymbolMissing if the kernel does not say how MMIO SPTEs look. */
export async function mmioMasks(inside: Inside, memory: KernelMemory): Promise<MmioMasks> {
  const { symbols } = inside;
  const variable = (name: string, otherwise?: bigint): Promise<bigint> =>
    variableOf(inside, memory, name, otherwise);
  return {
    mask: await variable("shadow_mmio_mask", SPECIAL),
    value: symbols.has("shadow_mmio_mask") ? await variable("shadow_mmio_value") : SPECIAL,
    access: await variable("shadow_mmio_access_mask", bits(2, 0)),
    gfn: await variable("shadow_nonpresent_or_rsvd_lower_gfn_mask"),
    movedGfn: await variable("shadow_nonpresent_or_rsvd_mask"),
    directMap: await directMap(inside, memory),
  };
}

/** Whether all that reading entries needs is there. */
export function canReadEntries({ symbols, btf }: Inside): boolean {
  try {
    symbols.address("shadow_nonpresent_or_rsvd_lower_gfn_mask");
    symbols.address("shadow_nonpresent_or_rsvd_mask");
    return btf.has("kvm_vcpu", "arch.mmu");
  } catch (error) {
    if (error instanceof SymbolMissing) return false;
    throw error;
  }
}

interface Walk {
  readonly vcpu: bigint;
  /** Bytes. */
  readonly address: bigint;
  readonly masks: MmioMasks;
  readonly layout: MmioLayout | null;
  readonly pages: readonly LiveShadowPage[];
}

interface WalkEnd {
  readonly entry: LiveEntry;
  /** The frame of the host that a leaf maps. */
  readonly frame: bigint | null;
}

const NOTHING: WalkEnd = { entry: { kind: "none" }, frame: null };

/** The entry where the walk through a vCPU's shadow page tables ends. */
export async function entryAt(
  inside: Inside,
  memory: KernelMemory,
  { vcpu, address, masks, layout, pages }: Walk,
): Promise<WalkEnd> {
  const mmu = await memory.field("kvm_vcpu", vcpu, "arch.mmu");
  let { hpa: entry, level } = await rootOf(inside, memory, mmu);
  if (entry === NO_ROOT) return NOTHING;
  for (; ; level--) {
    const table = masks.directMap + (entry & ADDRESS);
    // Of level 3 may be the four roots of PAE: addresses end with the fourth.
    const index = Number((address >> BigInt(12 + 9 * (level - 1))) & 0x1ffn);
    entry = await memory.word(table + BigInt(8 * index));
    const raw = hex(entry);
    if (entry !== 0n && (entry & masks.mask) === masks.value) {
      const gfn = (entry & masks.gfn) | ((entry >> MOVED) & masks.movedGfn);
      const told = {
        kind: "mmio",
        gfn: hex(gfn >> 12n),
        access: Number(entry & masks.access),
        ...(layout !== null && { generation: hex(numberIn(layout, entry)) }),
      };
      return { entry: { ...told, level, raw }, frame: null };
    }
    if ((entry & PRESENT) === 0n) return NOTHING;
    if (level > 1 && (entry & LARGE) === 0n) continue;
    const page = pages.find(({ spt }) => spt === table);
    if (page === undefined) throw new CannotAssess("the shadow page that an entry is in");
    const gfn = hex(await gfnOf(inside, memory, page, index));
    const writable = (entry & WRITABLE) !== 0n;
    return { entry: { kind: "leaf", gfn, level, writable, raw }, frame: (entry & ADDRESS) >> 12n };
  }
}

/** kvm_mmu_page_get_gfn: a page that shadows the guest's own tables keeps what each entry maps. */
async function gfnOf(
  { btf }: Inside,
  memory: KernelMemory,
  { direct, gfn, level, address }: LiveShadowPage,
  index: number,
): Promise<bigint> {
  if (direct) return BigInt(gfn) + BigInt(index) * 512n ** BigInt(level - 1);
  const isNew = btf.has("kvm_mmu_page", "shadowed_translation");
  const kept = await memory.field("kvm_mmu_page", address, isNew ? "shadowed_translation" : "gfns");
  const told = await memory.word(kept + BigInt(8 * index));
  return isNew ? told >> 12n : told;
}
