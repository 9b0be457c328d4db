import type { Kvm } from "../reference/machine/kvm.ts";
import type { PageList } from "../reference/machine/page-list.ts";
import { SHADOW_FRAME_BASE, type ShadowPage } from "../reference/machine/shadow-page.ts";
import type { Vcpu } from "../reference/machine/vcpu.ts";
import { Hash } from "./hash.ts";
import { allVcpus, FIRST_VCPU, partOfVcpu, PARTS } from "./parts.ts";

/** What an execution knows of a VM and the VM does not tell. */
export interface Known {
  /** By its number, the thread that began an SRCU read section. */
  readonly sectionOwners: ReadonlyMap<number, number>;
  /** What was written to guest memory, by the place; pages that the host took back. */
  readonly written: ReadonlyMap<string, string>;
  /** Walks over all pages in progress: how many pages had been made when each began. */
  readonly walks: () => readonly { readonly began: number }[];
}

/**
 * Fingerprints of the parts of a VM. Shadow pages are named by their place in the order in which
 * they were made, so that what was made and freed before leaves no mark; counters leave none.
 */
export class Fingerprint {
  readonly #kvm: Kvm;
  readonly #known: Known;
  /** By part, in the order of the bits. */
  parts: number[];

  constructor(kvm: Kvm, known: Known) {
    this.#kvm = kvm;
    this.#known = known;
    this.parts = new Array<number>(FIRST_VCPU + kvm.vcpus.length).fill(0);
  }

  /** Takes the fingerprints of some parts anew. @returns those that have changed. */
  update(touched: number): number {
    const kvm = this.#kvm;
    let changed = 0;
    const renew = (part: number, bit: number, take: () => Hash): void => {
      const { value } = take();
      if (value === this.parts[bit]) return;
      this.parts[bit] = value;
      changed |= part;
    };
    if (touched & PARTS.memslots) renew(PARTS.memslots, 0, () => hashOfMemslots(kvm));
    if (touched & PARTS.srcu) renew(PARTS.srcu, 2, () => hashOfSrcu(kvm, this.#known));
    if (touched & PARTS.slotsLock) {
      renew(PARTS.slotsLock, 3, () => new Hash().add(Number(kvm.slots_lock)));
    }
    if (touched & PARTS.host) renew(PARTS.host, 4, () => hashOfHost(this.#known));
    if (touched & (PARTS.mmu | allVcpus(kvm))) {
      const names = namesOfPages(kvm);
      if (touched & PARTS.mmu) renew(PARTS.mmu, 1, () => hashOfMmu(kvm, names, this.#known));
      kvm.vcpus.forEach((vcpu, i) => {
        renew(partOfVcpu(i), FIRST_VCPU + i, () => hashOfVcpu(vcpu, names));
      });
    }
    return changed;
  }
}

type Names = ReadonlyMap<ShadowPage, number>;

function namesOfPages(kvm: Kvm): Names {
  const names = new Map<ShadowPage, number>();
  for (const sp of kvm.allPages) if (!isPrepared(kvm, sp)) names.set(sp, names.size + 1);
  return names;
}

/**
 * Prepared, and on the list of a walk that will free it: nobody looks at it again, and whether
 * there is one such page or many makes no difference.
 */
const isPrepared = ({ active_mmu_pages, zapped_obsolete_pages }: Kvm, sp: ShadowPage): boolean =>
  sp.link.list !== active_mmu_pages && sp.link.list !== zapped_obsolete_pages;

function hashOfMemslots({ memslots }: Kvm): Hash {
  const hash = new Hash();
  for (const { generation, slots } of memslots) {
    hash.add64(generation).add(slots.length);
    for (const { id, base_gfn, npages, userspace_addr, flags, arch } of slots) {
      hash.add(id).add(base_gfn).add(npages).add(userspace_addr).add(flags);
      hash.add(arch.madeFor.base_gfn);
    }
  }
  return hash;
}

function hashOfSrcu({ srcu: { sections, synchronizing } }: Kvm, { sectionOwners }: Known): Hash {
  const hash = new Hash().add(synchronizing.length);
  for (const section of sections) {
    const waitedFor = synchronizing.filter((begun) => section < begun).length;
    hash.add(sectionOwners.get(section)!).add(waitedFor);
  }
  return hash;
}

function hashOfHost({ written }: Known): Hash {
  // In whatever order it was written: a sum does not know.
  let sum = 0;
  for (const [place, value] of written) {
    sum = (sum + new Hash().addText(place).addText(value).value) % 2 ** 52;
  }
  return new Hash().add(sum);
}

function hashOfMmu(kvm: Kvm, names: Names, { walks }: Known): Hash {
  const { mmu_lock, n_max_mmu_pages, mmu_notifier_seq, mmu_notifier_count } = kvm;
  const hash = new Hash().add(Number(mmu_lock.held)).add(mmu_lock.waiters);
  for (const part of mmu_lock.outlook(kvm.counters)) hash.add(Number(part));
  hash.add(n_max_mmu_pages).add(mmu_notifier_seq).add(mmu_notifier_count);
  hash.add(Number(kvm.tlbs_dirty)).add(Number(kvm.unflushed)).add(kvm.warned.size);
  hashOfList(hash, kvm.active_mmu_pages, names);
  hashOfList(hash, kvm.zapped_obsolete_pages, names);
  hash.add(Number([...kvm.allPages].some((sp) => isPrepared(kvm, sp))));
  for (const sp of names.keys()) hashOfPage(hash, sp, kvm, names);
  for (const { began } of walks()) for (const sp of names.keys()) hash.add(Number(sp.id > began));
  return hash;
}

function hashOfList(hash: Hash, list: PageList, names: Names): void {
  hash.add(list.length);
  for (let sp = list.head; sp !== null; sp = sp.link.older) hash.add(names.get(sp) ?? 0);
}

function hashOfPage(hash: Hash, sp: ShadowPage, kvm: Kvm, names: Names): void {
  const { level, direct, access, smm } = sp.role;
  hash.add(sp.gfn).add(level * 64 + access * 4 + (direct ? 2 : 0) + (smm ? 1 : 0));
  const obsolete = sp.mmu_valid_gen !== kvm.mmu_valid_gen;
  const flags = [sp.invalid, sp.unsync, sp.mmio_cached, obsolete];
  hash.add(flags.reduce((bits, flag) => 2 * bits + Number(flag), 0));
  hash.add(sp.root_count).add(sp.write_flooding_count).add(sp.unsync_children);
  sp.spt.forEachNonZero((index, low, high) => {
    hash.add(index);
    const frame = sp.spt.frame(index);
    if (frame < SHADOW_FRAME_BASE || !(low & 1)) hash.add(low).add(high);
    else
      hash
        .add(pageOf(kvm, frame, names))
        .add(low & 0xfff)
        .add(high >>> 20);
    if (sp.gfns !== null) hash.add(sp.gfns[index]!);
  });
}

/** The name of the page behind a frame; 0 if it was freed. */
function pageOf(kvm: Kvm, frame: number, names: Names): number {
  const sp = kvm.pageBehind(frame);
  return sp === undefined ? 0 : (names.get(sp) ?? 0);
}

function hashOfVcpu(vcpu: Vcpu, names: Names): Hash {
  const { gva, gfn, access, generation } = vcpu.cache;
  const hash = new Hash()
    .add(Number(vcpu.smm))
    .add(vcpu.cr3 ?? -1)
    .add(vcpu.lastRetry ?? -1);
  hash.add(gva).add(gfn).add(access).add64(generation);
  for (const root of vcpu.roots ?? []) hash.add(names.get(root) ?? 0);
  for (const { cr3, root } of vcpu.prev_roots) {
    if (root !== null) hash.add(cr3).add(names.get(root) ?? 0);
  }
  for (const request of ["MMU_RELOAD", "MMU_SYNC", "TLB_FLUSH"] as const) {
    hash.add(Number(vcpu.requests.has(request)));
  }
  let sum = 0;
  for (const { page, level, frame, writable } of vcpu.tlb.entries()) {
    const entry = new Hash().add(page).add(level).add(frame).add(Number(writable));
    sum = (sum + entry.value) % 2 ** 52;
  }
  return hash.add(sum);
}
