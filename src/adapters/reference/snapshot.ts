import { get_mmio_spte_access, get_mmio_spte_gfn } from "../../reference/kernel/mmio-spte.ts";
import { mmio_info_in_cache } from "../../reference/kernel/mmio-cache.ts";
import { walkToLeaf } from "../../reference/kernel/walk.ts";
import { PAGE_SIZE } from "../../reference/machine/constants.ts";
import type { Kvm } from "../../reference/machine/kvm.ts";
import { kvm_mmu_page_get_gfn, type ShadowPage } from "../../reference/machine/shadow-page.ts";
import { is_last_spte, is_writable_pte, spte_to_pfn } from "../../reference/machine/spte.ts";
import type { Vcpu } from "../../reference/machine/vcpu.ts";
import { isAbsent } from "../../reference/operations.ts";
import { hex } from "../record.ts";

/** Addresses whose entries a snapshot is to show. */
export interface SnapshotQuery {
  readonly vcpu: number;
  /** Bytes. */
  readonly address: number;
}

/** The state of the reference, as the vocabulary describes it. */
export function takeSnapshot(
  kvm: Kvm,
  entries: readonly SnapshotQuery[],
  tlb: readonly SnapshotQuery[],
) {
  const vcpu = (id: number): Vcpu => kvm.vcpus[id]!;
  return {
    memslots: kvm.memslots.map((set, as) => ({
      as,
      generation: hex(set.generation),
      in_flux: (set.generation & kvm.ops.KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS) !== 0n,
      slots: set.slots.map(({ id }) => id).sort((a, b) => a - b),
    })),
    pages: [...kvm.active_mmu_pages.newestFirst()].map((sp) => pageOf(kvm, sp)),
    entries: entries.map((query) => entryAt(vcpu(query.vcpu), query.address)),
    tlb: tlb.map((query) => translationOf(vcpu(query.vcpu), query.address)),
    vcpus: kvm.vcpus.map((each) => ({
      smm: each.smm,
      roots: (each.roots ?? []).map(({ gfn }) => hex(gfn)),
      cache: cacheOf(each),
      requests: [...each.requests].sort(),
    })),
    counters: countersOf(kvm),
  };
}

function pageOf(kvm: Kvm, sp: ShadowPage) {
  const { level, direct, smm, access } = sp.role;
  const { invalid, root_count, unsync, mmio_cached } = sp;
  const obsolete = !isAbsent(kvm.ops.is_obsolete_sp) && kvm.ops.is_obsolete_sp(kvm, sp);
  return {
    gfn: hex(sp.gfn),
    level,
    direct,
    smm,
    access,
    invalid,
    root_count,
    unsync,
    mmio_cached,
    obsolete,
  };
}

/** The entry where the walk for an address ends. */
function entryAt(vcpu: Vcpu, address: number) {
  const { kvm } = vcpu;
  const end = walkToLeaf(vcpu, Math.floor(address / PAGE_SIZE));
  if (end === null || end.sp.spt.isZero(end.index)) return { kind: "none" };
  const { sp, index } = end;
  const raw = sp.spt.raw(index);
  if (kvm.masks.is_mmio_spte(sp, index)) {
    return {
      kind: "mmio",
      gfn: hex(get_mmio_spte_gfn(kvm, raw)),
      access: get_mmio_spte_access(kvm, raw),
      generation: hex(kvm.ops.get_mmio_spte_generation(kvm, raw)),
      level: sp.role.level,
      raw: hex(raw),
    };
  }
  if (!is_last_spte(sp, index)) return { kind: "table", level: sp.role.level, raw: hex(raw) };
  return {
    kind: "leaf",
    gfn: hex(kvm_mmu_page_get_gfn(sp, index)),
    level: sp.role.level,
    hva: hostAddress(kvm, spte_to_pfn(sp, index)),
    writable: is_writable_pte(sp, index),
    raw: hex(raw),
  };
}

function translationOf(vcpu: Vcpu, address: number) {
  const translation = vcpu.tlb.lookup(Math.floor(address / PAGE_SIZE));
  if (translation === null) return "absent";
  return { hva: hostAddress(vcpu.kvm, translation.frame), writable: translation.writable };
}

/** First byte of the host page behind a frame. */
function hostAddress(kvm: Kvm, frame: number): string {
  const owner = kvm.host.ownerOf(frame);
  return owner === null ? "taken-back" : hex(owner * PAGE_SIZE);
}

function cacheOf(vcpu: Vcpu) {
  const { gva, gfn, generation } = vcpu.cache;
  if (gva === 0 && gfn === 0) return null;
  const address = vcpu.direct_map ? gfn * PAGE_SIZE : gva;
  const matches = mmio_info_in_cache(vcpu, address);
  return { gva: hex(gva), gfn: hex(gfn), generation: hex(generation), matches };
}

/** Totals since the VM was created, and what is in use now. */
export function countersOf(kvm: Kvm) {
  const pending = kvm.zapped_obsolete_pages.length;
  let onLists = 0;
  for (const sp of kvm.allPages) if (sp.link.list === kvm.active_mmu_pages) onLists++;
  const { pages_allocated, pages_freed } = kvm.counters;
  return {
    ...kvm.counters,
    used_pages: kvm.n_used_mmu_pages,
    /** Neither in use nor about to be freed: nobody will ever free them. */
    leaked_pages: pages_allocated - pages_freed - onLists - pending,
  };
}
